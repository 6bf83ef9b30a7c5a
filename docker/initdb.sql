-- Run once, on an empty volume. The role that migrates is no superuser: a superuser would never notice a missing
-- grant or row policy. pgvector needs one to be installed, so it is installed here.
\getenv password ESTATE_DATABASE_PASSWORD
-- It owns the tables and creates the roles that API and worker log in with (`estate migrate`).
CREATE ROLE estate LOGIN CREATEROLE PASSWORD :'password';
-- A locale that is built into PostgreSQL sorts alike on every system, as the embedded server does.
CREATE DATABASE estate OWNER estate TEMPLATE template0 ENCODING 'UTF8'
    LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C';
\connect estate
CREATE EXTENSION IF NOT EXISTS vector;
-- From now on the superuser gets in from inside the container only.
ALTER ROLE postgres PASSWORD NULL;
