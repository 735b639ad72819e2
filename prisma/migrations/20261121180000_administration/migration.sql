ALTER TABLE "tenant"
  ADD COLUMN "allowed_networks" TEXT[] NOT NULL DEFAULT '{}',
  ADD COLUMN "max_token_validity" INTEGER CHECK ("max_token_validity" > 0);

ALTER TABLE "tenant_settings"
  ADD COLUMN "allowed_networks" TEXT[] NOT NULL DEFAULT '{}',
  ADD COLUMN "max_token_validity" INTEGER CHECK ("max_token_validity" > 0),
  ADD COLUMN "audit_retention_days" INTEGER NOT NULL DEFAULT 365 CHECK ("audit_retention_days" > 0);

CREATE TABLE "invitation" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "email" TEXT NOT NULL,
  "role" TEXT NOT NULL CHECK ("role" IN ('owner', 'admin', 'member')),
  "digest" TEXT NOT NULL UNIQUE,
  "created_by" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  UNIQUE ("tenant_id", "email")
);
CREATE INDEX "invitation_expires_at_idx" ON "invitation" ("expires_at");

CREATE TABLE "team" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "name" TEXT NOT NULL,
  "description" TEXT,
  "created_by" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  UNIQUE ("tenant_id", "mode", "id"),
  UNIQUE ("tenant_id", "mode", "name")
);

CREATE TABLE "team_member" (
  "tenant_id" TEXT NOT NULL,
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "team_id" TEXT NOT NULL,
  "member_id" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY ("tenant_id", "mode", "team_id", "member_id"),
  FOREIGN KEY ("tenant_id", "mode", "team_id") REFERENCES "team" ("tenant_id", "mode", "id") ON DELETE CASCADE,
  FOREIGN KEY ("tenant_id", "member_id") REFERENCES "member" ("tenant_id", "id") ON DELETE CASCADE
);

-- No foreign key: it outlives the member, and says that all of theirs is dead.
ALTER TABLE "standing" ADD COLUMN "member_id" TEXT;
UPDATE "standing" SET "member_id" = "consent"."member_id" FROM "consent" WHERE "consent"."ref" = "standing"."ref";
CREATE INDEX "standing_tenant_id_member_id_idx" ON "standing" ("tenant_id", "member_id");

ALTER TABLE "client"
  DROP CONSTRAINT "client_kind_check",
  ADD CONSTRAINT "client_kind_check"
    CHECK ("kind" IN ('standard', 'enterprise', 'public', 'service_user', 'app', 'api_client', 'personal')),
  ADD COLUMN "tags" TEXT[] NOT NULL DEFAULT '{}',
  ADD COLUMN "member_id" TEXT,
  ADD COLUMN "disabled_at" TIMESTAMPTZ(3),
  ADD COLUMN "noticed_days" INTEGER,
  ADD FOREIGN KEY ("tenant_id", "member_id") REFERENCES "member" ("tenant_id", "id") ON DELETE CASCADE,
  ADD CONSTRAINT "client_member_check" CHECK (("kind" = 'personal') = ("member_id" IS NOT NULL));
CREATE INDEX "client_tenant_id_member_id_idx" ON "client" ("tenant_id", "member_id");

-- Teams were words until now; from here on they are records.
INSERT INTO "team" ("id", "tenant_id", "mode", "name", "created_by", "created_at", "updated_at")
  SELECT 'team_' || translate(substr(md5("tenant_id" || ' ' || "mode" || ' ' || "name"), 1, 16), '0189', 'ghij'),
         "tenant_id", "mode", "name", 'migration', now(), now()
  FROM (SELECT DISTINCT "tenant_id", "mode", unnest("teams") AS "name" FROM "client") AS "named";
UPDATE "client" SET "teams" = ARRAY(
  SELECT "team"."id" FROM "team"
  WHERE "team"."tenant_id" = "client"."tenant_id" AND "team"."mode" = "client"."mode" AND "team"."name" = ANY ("client"."teams")
) WHERE "teams" <> '{}';

CREATE TABLE "api_client" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL,
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "client_id" TEXT NOT NULL CHECK (length("client_id") BETWEEN 1 AND 49),
  "permission" TEXT NOT NULL CHECK ("permission" IN ('edit', 'read')),
  -- Who is active has one: there are five, for each tenant in each mode, and no two clients have the same.
  "slot" INTEGER CHECK ("slot" BETWEEN 1 AND 5),
  UNIQUE ("tenant_id", "mode", "id"),
  UNIQUE ("mode", "client_id"),
  UNIQUE ("tenant_id", "mode", "slot"),
  FOREIGN KEY ("tenant_id", "mode", "id") REFERENCES "client" ("tenant_id", "mode", "id") ON DELETE CASCADE
);

CREATE TABLE "usage_day" (
  "tenant_id" TEXT NOT NULL,
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "client_id" TEXT NOT NULL,
  "secret_id" TEXT NOT NULL,
  "day" TEXT NOT NULL,
  "count" INTEGER NOT NULL,
  PRIMARY KEY ("tenant_id", "mode", "client_id", "secret_id", "day"),
  FOREIGN KEY ("tenant_id", "mode", "client_id") REFERENCES "client" ("tenant_id", "mode", "id") ON DELETE CASCADE
);
CREATE INDEX "usage_day_day_idx" ON "usage_day" ("day");

ALTER TABLE "secret"
  ADD COLUMN "leaked_at" TIMESTAMPTZ(3),
  ADD COLUMN "noticed_days" INTEGER,
  ADD COLUMN "last_used_ip" TEXT,
  ADD COLUMN "last_used_agent" TEXT;

ALTER TABLE "resource"
  ADD COLUMN "deprecated_scopes" TEXT[] NOT NULL DEFAULT '{}',
  ADD COLUMN "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  ADD COLUMN "deprecated_at" TIMESTAMPTZ(3);
UPDATE "resource" SET "updated_at" = "created_at";

ALTER TABLE "audit_entry" ADD COLUMN "hash_key" TEXT NOT NULL DEFAULT '';
CREATE INDEX "audit_entry_tenant_id_mode_actor_id_seq_idx" ON "audit_entry" ("tenant_id", "mode", "actor_id", "seq");
CREATE INDEX "audit_entry_tenant_id_mode_target_id_seq_idx" ON "audit_entry" ("tenant_id", "mode", "target_id", "seq");
ALTER TABLE "audit_head"
  ADD COLUMN "removed_seq" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "removed_hash" TEXT NOT NULL DEFAULT '';

CREATE TABLE "pending_event" (
  "seq" BIGSERIAL PRIMARY KEY,
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "event" TEXT NOT NULL
);
CREATE INDEX "pending_event_mode_seq_idx" ON "pending_event" ("mode", "seq");

CREATE TABLE "webhook" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "url" TEXT NOT NULL,
  "description" TEXT,
  "events" TEXT[] NOT NULL,
  "sealed_secret" TEXT NOT NULL,
  "disabled_at" TIMESTAMPTZ(3),
  "created_by" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  UNIQUE ("tenant_id", "mode", "id")
);

CREATE TABLE "webhook_message" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL,
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "webhook_id" TEXT NOT NULL,
  "event" TEXT NOT NULL,
  "body" TEXT NOT NULL,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "next_at" TIMESTAMPTZ(3),
  "outcome" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "delivered_at" TIMESTAMPTZ(3),
  FOREIGN KEY ("tenant_id", "mode", "webhook_id") REFERENCES "webhook" ("tenant_id", "mode", "id") ON DELETE CASCADE
);
CREATE INDEX "webhook_message_next_at_idx" ON "webhook_message" ("next_at");
CREATE INDEX "webhook_message_tenant_id_mode_webhook_id_id_idx" ON "webhook_message" ("tenant_id", "mode", "webhook_id", "id");

CREATE TABLE "idempotent_request" (
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "digest" TEXT NOT NULL,
  "request_digest" TEXT NOT NULL,
  "status" INTEGER,
  "sealed_answer" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY ("tenant_id", "mode", "digest")
);
CREATE INDEX "idempotent_request_expires_at_idx" ON "idempotent_request" ("expires_at");
