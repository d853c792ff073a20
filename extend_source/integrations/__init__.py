"""Thin skins for what others run: webhooks, orchestrators, engines. Nothing but the shell imports from here."""
