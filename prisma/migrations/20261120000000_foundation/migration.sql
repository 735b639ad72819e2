CREATE TABLE "tenant" (
  "id" TEXT PRIMARY KEY,
  "name" TEXT NOT NULL UNIQUE,
  "plan" TEXT NOT NULL CHECK ("plan" IN ('standard', 'enterprise')),
  "status" TEXT NOT NULL CHECK ("status" IN ('active', 'paused', 'cancelled')),
  "require_dpop" BOOLEAN NOT NULL DEFAULT false,
  "created_at" TIMESTAMPTZ(3) NOT NULL
);

CREATE TABLE "member" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "email" TEXT NOT NULL,
  "password_hash" TEXT NOT NULL,
  "role" TEXT NOT NULL CHECK ("role" IN ('owner', 'admin', 'member')),
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  UNIQUE ("tenant_id", "email")
);

CREATE TABLE "standing" (
  "ref" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "kind" TEXT NOT NULL CHECK ("kind" IN ('client', 'tenant')),
  "version" INTEGER NOT NULL DEFAULT 1,
  "epoch" INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX "standing_tenant_id_mode_idx" ON "standing" ("tenant_id", "mode");
CREATE UNIQUE INDEX "standing_one_per_tenant_and_mode" ON "standing" ("tenant_id", "mode") WHERE "kind" = 'tenant';

CREATE TABLE "client" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "kind" TEXT NOT NULL CHECK ("kind" IN ('standard', 'enterprise', 'public', 'service_user')),
  "public_id" TEXT NOT NULL UNIQUE,
  "ref" TEXT NOT NULL UNIQUE REFERENCES "standing" ("ref"),
  "name" TEXT NOT NULL,
  "description" TEXT,
  "all_scopes" BOOLEAN NOT NULL DEFAULT false,
  "scopes" TEXT[] NOT NULL DEFAULT '{}',
  "role" TEXT CHECK ("role" IN ('viewer', 'editor', 'admin')),
  "teams" TEXT[] NOT NULL DEFAULT '{}',
  "token_validity" INTEGER CHECK ("token_validity" > 0),
  "require_dpop" BOOLEAN NOT NULL DEFAULT false,
  "created_by" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3),
  "revoked_at" TIMESTAMPTZ(3),
  UNIQUE ("tenant_id", "mode", "id"),
  CHECK ("kind" <> 'enterprise' OR "mode" = 'live')
);
CREATE INDEX "client_tenant_id_mode_kind_id_idx" ON "client" ("tenant_id", "mode", "kind", "id");

CREATE TABLE "secret" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "client_id" TEXT NOT NULL,
  "public_id" TEXT UNIQUE,
  "name" TEXT,
  "digest" BYTEA NOT NULL,
  "hash_key" TEXT NOT NULL,
  "created_by" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3),
  "revoked_at" TIMESTAMPTZ(3),
  "last_used_at" TIMESTAMPTZ(3),
  -- Tenant and mode are part of it: a secret is never another tenant's client's.
  FOREIGN KEY ("tenant_id", "mode", "client_id") REFERENCES "client" ("tenant_id", "mode", "id") ON DELETE CASCADE
);
CREATE INDEX "secret_client_id_idx" ON "secret" ("client_id");

CREATE TABLE "resource" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "identifier" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "scopes" TEXT[] NOT NULL DEFAULT '{}',
  "token_validity" INTEGER CHECK ("token_validity" > 0),
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  UNIQUE ("tenant_id", "mode", "identifier")
);

CREATE TABLE "scope_set" ("id" TEXT PRIMARY KEY, "scope" TEXT NOT NULL);

CREATE TABLE "audit_entry" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "seq" INTEGER NOT NULL,
  "at" TIMESTAMPTZ(3) NOT NULL,
  "action" TEXT NOT NULL,
  "actor_type" TEXT NOT NULL,
  "actor_id" TEXT NOT NULL,
  "actor_name" TEXT NOT NULL,
  "target_type" TEXT NOT NULL,
  "target_id" TEXT NOT NULL,
  "ip" TEXT,
  "request_id" TEXT,
  "details" JSONB NOT NULL,
  "previous" TEXT NOT NULL,
  "hash" TEXT NOT NULL,
  UNIQUE ("tenant_id", "mode", "seq")
);

CREATE TABLE "audit_head" (
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "seq" INTEGER NOT NULL,
  "hash" TEXT NOT NULL,
  PRIMARY KEY ("tenant_id", "mode")
);

CREATE TABLE "signing_key" (
  "kid" TEXT PRIMARY KEY,
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "alg" TEXT NOT NULL CHECK ("alg" IN ('ES256', 'RS256', 'EdDSA')),
  "public_jwk" JSONB NOT NULL,
  "sealed_private" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "signs_from" TIMESTAMPTZ(3) NOT NULL,
  "removed_at" TIMESTAMPTZ(3)
);
CREATE INDEX "signing_key_mode_alg_idx" ON "signing_key" ("mode", "alg");

CREATE TABLE "access_token" (
  "mode" TEXT NOT NULL, "digest" TEXT NOT NULL, "record" TEXT NOT NULL, "expires_at" TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY ("mode", "digest")
);
CREATE INDEX "access_token_expires_at_idx" ON "access_token" ("expires_at");

CREATE TABLE "single_use" (
  "mode" TEXT NOT NULL, "key" TEXT NOT NULL, "payload" TEXT NOT NULL, "expires_at" TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY ("mode", "key")
);
CREATE INDEX "single_use_expires_at_idx" ON "single_use" ("expires_at");

CREATE TABLE "replay_memory" (
  "mode" TEXT NOT NULL, "key" TEXT NOT NULL, "expires_at" TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY ("mode", "key")
);
CREATE INDEX "replay_memory_expires_at_idx" ON "replay_memory" ("expires_at");

CREATE TABLE "failure_count" (
  "mode" TEXT NOT NULL, "key" TEXT NOT NULL, "count" INTEGER NOT NULL, "expires_at" TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY ("mode", "key")
);
CREATE INDEX "failure_count_expires_at_idx" ON "failure_count" ("expires_at");
