CREATE SCHEMA IF NOT EXISTS headland;
CREATE TABLE IF NOT EXISTS headland.schema_version (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);
DO $$
BEGIN
  IF (SELECT max(version) FROM headland.schema_version) > {version} THEN
    RAISE EXCEPTION 'schema headland has a later version than {version}; use a newer headland-hub';
  END IF;
END
$$;
CREATE TABLE IF NOT EXISTS headland.edge_writes (
  namespace text NOT NULL,
  model text NOT NULL,
  id text NOT NULL,
  kind text NOT NULL,
  attribute text,
  subject text,
  value jsonb,
  author text NOT NULL,
  rank text,
  dot text,
  region text NOT NULL,
  written_at timestamptz,
  stored_at timestamptz NOT NULL DEFAULT now(),
  removed boolean NOT NULL,
  revision numeric(39) NOT NULL,
  stamp numeric(20) NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (namespace, model, id)
);
CREATE INDEX IF NOT EXISTS edge_writes_attribute ON headland.edge_writes (kind, attribute);
CREATE INDEX IF NOT EXISTS edge_writes_stored_at ON headland.edge_writes (stored_at);
CREATE OR REPLACE VIEW headland.annotations AS
  SELECT namespace, model, dot AS id, subject, value #>> '{}' AS note, author, region, written_at
  FROM headland.edge_writes WHERE kind = 'annotation' AND NOT removed;
CREATE OR REPLACE VIEW headland.counts AS
  SELECT namespace, model, attribute, region, sum((value #>> '{}')::numeric) AS total
  FROM headland.edge_writes WHERE kind = 'count' GROUP BY namespace, model, attribute, region;
CREATE OR REPLACE VIEW headland.reports AS
  SELECT namespace, model, attribute, value, author, rank, region, written_at
  FROM headland.edge_writes WHERE kind IN ('value', 'member') AND NOT removed;
COMMENT ON SCHEMA headland IS 'What devices wrote about models. Hubs of Headland write it; others read.';
COMMENT ON TABLE headland.schema_version IS 'Which versions of this schema were applied.';
COMMENT ON COLUMN headland.schema_version.version IS 'A version; the highest is the present one.';
COMMENT ON COLUMN headland.schema_version.applied_at IS 'When it was applied.';
COMMENT ON TABLE headland.edge_writes IS 'One row for each word of one device on one thing about a model; the latest word stands in it.';
COMMENT ON COLUMN headland.edge_writes.namespace IS 'Whose model it is, such as a workspace of MLflow.';
COMMENT ON COLUMN headland.edge_writes.model IS 'The name of the model.';
COMMENT ON COLUMN headland.edge_writes.id IS 'What names the row within its model: kind, and what tells one word from another.';
COMMENT ON COLUMN headland.edge_writes.kind IS 'annotation: a note. count: what one device counted in one region. value: what a device says of an attribute. member: of one member of a set.';
COMMENT ON COLUMN headland.edge_writes.attribute IS 'The attribute, such as usage or availability. NULL for an annotation.';
COMMENT ON COLUMN headland.edge_writes.subject IS 'What an annotation is about, where it says so.';
COMMENT ON COLUMN headland.edge_writes.value IS 'The note, the total of the count, the value, or the member.';
COMMENT ON COLUMN headland.edge_writes.author IS 'The name of the device.';
COMMENT ON COLUMN headland.edge_writes.rank IS 'With which authority a value was set: automation, operator or person.';
COMMENT ON COLUMN headland.edge_writes.dot IS 'The one write that this is: device, life of its store, number of the write. NULL for a count, which many writes add up to.';
COMMENT ON COLUMN headland.edge_writes.region IS 'The region whose hub stored the row; of a count, the one in which it was made.';
COMMENT ON COLUMN headland.edge_writes.written_at IS 'When the device wrote it, by its clock within the bounds of its hub.';
COMMENT ON COLUMN headland.edge_writes.stored_at IS 'When the row last changed, by the clock of this database.';
COMMENT ON COLUMN headland.edge_writes.removed IS 'Whether it does not stand any more: it was removed, or another word took its place.';
COMMENT ON COLUMN headland.edge_writes.revision IS 'Orders the words of one id: a higher one replaces a lower one.';
COMMENT ON COLUMN headland.edge_writes.stamp IS 'Of words with one revision, the one with the lower stamp counts.';
COMMENT ON COLUMN headland.edge_writes.content IS 'The word as hubs read it; the other columns are made of it. Not to be changed by hand.';
COMMENT ON VIEW headland.annotations IS 'Notes that stand.';
COMMENT ON VIEW headland.counts IS 'What was counted about each model in each region.';
COMMENT ON VIEW headland.reports IS 'What devices say of attributes, as far as it stands.';
INSERT INTO headland.schema_version (version) VALUES ({version}) ON CONFLICT DO NOTHING;
