//! The tables of MLflow, for databases that no MLflow has made.

/// The tables of MLflow that are followed, as its own migrations make them, and one that is not.
pub const TABLES: &str = "
CREATE TABLE registered_models (workspace varchar(63) NOT NULL DEFAULT 'default', name varchar(256) NOT NULL,
  creation_time bigint, last_updated_time bigint, description varchar(5000), PRIMARY KEY (workspace, name));
CREATE TABLE registered_model_tags (workspace varchar(63) NOT NULL DEFAULT 'default', key varchar(250) NOT NULL,
  value varchar(5000), name varchar(256) NOT NULL, PRIMARY KEY (workspace, key, name));
CREATE TABLE registered_model_aliases (workspace varchar(63) NOT NULL DEFAULT 'default', alias varchar(256) NOT NULL,
  version integer NOT NULL, name varchar(256) NOT NULL, PRIMARY KEY (workspace, name, alias));
CREATE TABLE model_versions (workspace varchar(63) NOT NULL DEFAULT 'default', name varchar(256) NOT NULL,
  version integer NOT NULL, creation_time bigint, last_updated_time bigint, description varchar(5000),
  user_id varchar(256), current_stage varchar(20) DEFAULT 'None', source varchar(500), run_id varchar(32),
  status varchar(20) DEFAULT 'READY', status_message varchar(500), run_link varchar(500),
  storage_location varchar(500), PRIMARY KEY (workspace, name, version));
CREATE TABLE model_version_tags (workspace varchar(63) NOT NULL DEFAULT 'default', key varchar(250) NOT NULL,
  value text, name varchar(256) NOT NULL, version integer NOT NULL, PRIMARY KEY (workspace, key, name, version));
CREATE TABLE metrics (id bigserial PRIMARY KEY, payload text);
GRANT SELECT ON registered_models, registered_model_tags, registered_model_aliases, model_versions,
  model_version_tags TO headland;
";

/// The publication of those tables.
pub const PUBLICATION: &str = "CREATE PUBLICATION headland FOR TABLE registered_models, registered_model_tags, \
                               registered_model_aliases, model_versions, model_version_tags";
