-- SQLite checks a reference in its own memory; only PostgreSQL runs a query for it. Nothing changes here.
SELECT 1;
