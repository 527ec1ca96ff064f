import type { Migration } from './migration.ts'

/**
 * The tables of the first release. Times are epoch ms. Sealed columns hold what seal.ts makes.
 * Bindings take one row per AOR: a REGISTER replaces the whole set, so it is one write.
 */
export const firstTables: Migration = {
  version: 1,
  name: 'first tables',
  sql: `
    CREATE TABLE meta (
      name TEXT PRIMARY KEY,
      value BLOB NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE settings (
      revision INTEGER PRIMARY KEY AUTOINCREMENT,
      etag TEXT NOT NULL,
      document TEXT NOT NULL CHECK (json_valid(document)),
      state TEXT NOT NULL CHECK (state IN ('trial', 'active', 'former')),
      saved_at_ms INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX settings_one_active ON settings (state) WHERE state = 'active';

    CREATE TABLE users (
      id TEXT PRIMARY KEY,
      tenant_id TEXT NOT NULL,
      upn TEXT NOT NULL,
      display_name TEXT NOT NULL,
      number TEXT,
      licensed INTEGER NOT NULL,
      lab INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX users_number ON users (number) WHERE number IS NOT NULL;

    CREATE TABLE calling_policies (
      scope TEXT PRIMARY KEY,
      allow_sip_devices_calling INTEGER NOT NULL,
      allow_call_redirect INTEGER NOT NULL,
      busy_on_busy INTEGER NOT NULL,
      emergency_location_required INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE devices (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL CHECK (kind IN ('phone', 'ata', 'dect-server')),
      label TEXT NOT NULL,
      mac TEXT UNIQUE,
      state TEXT NOT NULL CHECK (state IN ('onboarded', 'signed-out', 'signed-in', 'off-boarded')),
      created_at_ms INTEGER NOT NULL,
      last_seen_at_ms INTEGER
    ) WITHOUT ROWID;

    CREATE TABLE lines (
      id TEXT PRIMARY KEY,
      device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
      username TEXT NOT NULL UNIQUE,
      label TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      sealed_password BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX lines_device ON lines (device_id);

    CREATE TABLE bindings (
      aor TEXT PRIMARY KEY,
      contacts TEXT NOT NULL CHECK (json_valid(contacts))
    ) WITHOUT ROWID;

    CREATE TABLE sign_ins (
      line_id TEXT PRIMARY KEY REFERENCES lines (id) ON DELETE CASCADE,
      user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      signed_in_at_ms INTEGER NOT NULL,
      verified_at_ms INTEGER NOT NULL,
      sealed_token_cache BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX sign_ins_user ON sign_ins (user_id);

    CREATE TABLE calls (
      id TEXT PRIMARY KEY,
      started_at_ms INTEGER NOT NULL,
      answered_at_ms INTEGER,
      ended_at_ms INTEGER NOT NULL,
      caller TEXT NOT NULL CHECK (json_valid(caller)),
      dialled TEXT NOT NULL,
      callee TEXT CHECK (callee IS NULL OR json_valid(callee)),
      cause TEXT NOT NULL,
      sip_status INTEGER NOT NULL,
      explanation TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX calls_started ON calls (started_at_ms DESC, id);

    CREATE TABLE audit (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      at_ms INTEGER NOT NULL,
      actor TEXT NOT NULL,
      action TEXT NOT NULL,
      subject TEXT NOT NULL,
      details TEXT NOT NULL CHECK (json_valid(details))
    );

    CREATE TABLE secrets (
      name TEXT PRIMARY KEY,
      sealed BLOB NOT NULL
    ) WITHOUT ROWID;
  `,
}
