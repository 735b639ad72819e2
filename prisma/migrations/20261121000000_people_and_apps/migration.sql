CREATE TABLE "tenant_settings" (
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "require_dpop" BOOLEAN NOT NULL DEFAULT false,
  "metadata_document_clients" BOOLEAN NOT NULL DEFAULT false,
  PRIMARY KEY ("tenant_id", "mode")
);
CREATE INDEX "tenant_settings_mode_metadata_document_clients_idx" ON "tenant_settings" ("mode", "metadata_document_clients");

CREATE INDEX "resource_mode_identifier_idx" ON "resource" ("mode", "identifier");

ALTER TABLE "member"
  ADD COLUMN "require_passkey" BOOLEAN NOT NULL DEFAULT false,
  ADD UNIQUE ("tenant_id", "id");

ALTER TABLE "standing"
  DROP CONSTRAINT "standing_kind_check",
  ADD CONSTRAINT "standing_kind_check" CHECK ("kind" IN ('client', 'tenant', 'consent'));

ALTER TABLE "client"
  DROP CONSTRAINT "client_kind_check",
  ADD CONSTRAINT "client_kind_check" CHECK ("kind" IN ('standard', 'enterprise', 'public', 'service_user', 'app')),
  ADD COLUMN "jwks" JSONB;

CREATE TABLE "app" (
  "client_id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "type" TEXT NOT NULL CHECK ("type" IN ('public', 'confidential')),
  "redirect_uris" TEXT[] NOT NULL,
  "post_logout_redirect_uris" TEXT[] NOT NULL DEFAULT '{}',
  "homepage" TEXT,
  "refresh_idle" INTEGER NOT NULL CHECK ("refresh_idle" > 0),
  "refresh_absolute" INTEGER NOT NULL CHECK ("refresh_absolute" > 0),
  "refresh_retry_window" INTEGER CHECK ("refresh_retry_window" BETWEEN 0 AND 300),
  "require_par" BOOLEAN NOT NULL DEFAULT false,
  "metadata_url" TEXT,
  UNIQUE ("tenant_id", "mode", "client_id"),
  UNIQUE ("tenant_id", "mode", "metadata_url"),
  FOREIGN KEY ("tenant_id", "mode", "client_id") REFERENCES "client" ("tenant_id", "mode", "id") ON DELETE CASCADE
);
CREATE INDEX "app_mode_metadata_url_idx" ON "app" ("mode", "metadata_url");

CREATE TABLE "consent" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL,
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "member_id" TEXT NOT NULL,
  "client_id" TEXT NOT NULL,
  "ref" TEXT NOT NULL UNIQUE REFERENCES "standing" ("ref"),
  "scopes" JSONB NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  "withdrawn_at" TIMESTAMPTZ(3),
  UNIQUE ("tenant_id", "mode", "member_id", "client_id"),
  FOREIGN KEY ("tenant_id", "member_id") REFERENCES "member" ("tenant_id", "id") ON DELETE CASCADE,
  FOREIGN KEY ("tenant_id", "mode", "client_id") REFERENCES "client" ("tenant_id", "mode", "id") ON DELETE CASCADE
);

CREATE TABLE "passkey" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL,
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "member_id" TEXT NOT NULL,
  "credential_id" TEXT NOT NULL,
  "public_key" BYTEA NOT NULL,
  "counter" BIGINT NOT NULL,
  "transports" TEXT[] NOT NULL DEFAULT '{}',
  "name" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "last_used_at" TIMESTAMPTZ(3),
  UNIQUE ("mode", "credential_id"),
  FOREIGN KEY ("tenant_id", "member_id") REFERENCES "member" ("tenant_id", "id") ON DELETE CASCADE
);
CREATE INDEX "passkey_tenant_id_mode_member_id_idx" ON "passkey" ("tenant_id", "mode", "member_id");

CREATE TABLE "sign_in_session" (
  "id" TEXT PRIMARY KEY,
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "digest" TEXT NOT NULL,
  "uid" TEXT NOT NULL,
  "tenant_id" TEXT,
  "member_id" TEXT,
  "payload" JSONB NOT NULL,
  "ip" TEXT,
  "user_agent" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "last_seen_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  UNIQUE ("mode", "digest"),
  UNIQUE ("mode", "uid"),
  FOREIGN KEY ("tenant_id", "member_id") REFERENCES "member" ("tenant_id", "id") ON DELETE CASCADE,
  CHECK (("tenant_id" IS NULL) = ("member_id" IS NULL))
);
CREATE INDEX "sign_in_session_tenant_id_mode_member_id_idx" ON "sign_in_session" ("tenant_id", "mode", "member_id");
CREATE INDEX "sign_in_session_expires_at_idx" ON "sign_in_session" ("expires_at");

-- No released version has written to single_use.
DROP TABLE "single_use";
CREATE TABLE "state_record" (
  "mode" TEXT NOT NULL, "key" TEXT NOT NULL, "record" TEXT NOT NULL, "expires_at" TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY ("mode", "key")
);
CREATE INDEX "state_record_expires_at_idx" ON "state_record" ("expires_at");
