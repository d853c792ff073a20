-- What does the API send, or the schema not declare, that has no column?
select object, path, reason, json_type from extend.schema_drift order by object, path;
