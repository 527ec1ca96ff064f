import type { Migration } from './migration.ts'

/**
 * Devices that configure themselves: what they are, handsets behind a DECT server, the secret of each device's
 * provisioning URL, announced common area phones. `devices` is rebuilt because its checks name the kinds and states.
 */
export const provisionedDevices: Migration = {
  version: 2,
  name: 'provisioned devices',
  sql: `
    CREATE TABLE devices_2 (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL CHECK (kind IN ('phone', 'ata', 'dect-server', 'dect-handset')),
      label TEXT NOT NULL,
      mac TEXT UNIQUE,
      ipei TEXT UNIQUE,
      parent_id TEXT REFERENCES devices (id) ON DELETE CASCADE,
      vendor TEXT,
      model TEXT,
      firmware TEXT,
      location TEXT,
      state TEXT NOT NULL CHECK (state IN ('found', 'onboarded', 'signed-out', 'signed-in', 'off-boarded')),
      created_at_ms INTEGER NOT NULL,
      last_seen_at_ms INTEGER
    ) WITHOUT ROWID;
    INSERT INTO devices_2 (id, kind, label, mac, state, created_at_ms, last_seen_at_ms)
      SELECT id, kind, label, mac, state, created_at_ms, last_seen_at_ms FROM devices;
    DROP TABLE devices;
    ALTER TABLE devices_2 RENAME TO devices;
    CREATE INDEX devices_parent ON devices (parent_id) WHERE parent_id IS NOT NULL;

    CREATE TABLE device_access (
      device_id TEXT PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
      token_digest BLOB NOT NULL UNIQUE,
      sealed_token BLOB NOT NULL,
      sealed_admin_password BLOB NOT NULL,
      handed_over_at_ms INTEGER,
      handed_over_to TEXT,
      fetched_at_ms INTEGER
    ) WITHOUT ROWID;

    CREATE TABLE enrolments (
      id TEXT PRIMARY KEY,
      sealed_code BLOB NOT NULL,
      mac TEXT UNIQUE,
      ipei TEXT UNIQUE,
      label TEXT NOT NULL,
      location TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL,
      used_at_ms INTEGER,
      device_id TEXT REFERENCES devices (id) ON DELETE SET NULL,
      CHECK ((mac IS NULL) <> (ipei IS NULL))
    ) WITHOUT ROWID;
  `,
}
