"""What people ask of the loaded data: queries and models in SQL, one file each, run on the pipeline's destination."""
