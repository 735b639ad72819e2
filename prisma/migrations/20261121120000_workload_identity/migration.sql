ALTER TABLE "standing"
  DROP CONSTRAINT "standing_kind_check",
  ADD CONSTRAINT "standing_kind_check" CHECK ("kind" IN ('client', 'tenant', 'consent', 'binding'));

CREATE TABLE "workload_provider" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL REFERENCES "tenant" ("id"),
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "platform" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "issuer" TEXT NOT NULL,
  "audiences" TEXT[] NOT NULL DEFAULT '{}',
  "jwks_uri" TEXT,
  "jwks" JSONB,
  "single_use" BOOLEAN NOT NULL,
  "disabled_at" TIMESTAMPTZ(3),
  "created_by" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  UNIQUE ("tenant_id", "mode", "id"),
  CHECK ("jwks_uri" IS NULL OR "jwks" IS NULL)
);

CREATE TABLE "workload_binding" (
  "id" TEXT PRIMARY KEY,
  "tenant_id" TEXT NOT NULL,
  "mode" TEXT NOT NULL CHECK ("mode" IN ('live', 'test')),
  "provider_id" TEXT NOT NULL,
  "service_user_id" TEXT NOT NULL,
  "ref" TEXT NOT NULL UNIQUE REFERENCES "standing" ("ref"),
  "name" TEXT,
  "conditions" JSONB NOT NULL,
  "all_scopes" BOOLEAN NOT NULL DEFAULT false,
  "scopes" TEXT[] NOT NULL DEFAULT '{}',
  "token_validity" INTEGER CHECK ("token_validity" > 0),
  "disabled_at" TIMESTAMPTZ(3),
  "created_by" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  FOREIGN KEY ("tenant_id", "mode", "provider_id") REFERENCES "workload_provider" ("tenant_id", "mode", "id") ON DELETE CASCADE,
  FOREIGN KEY ("tenant_id", "mode", "service_user_id") REFERENCES "client" ("tenant_id", "mode", "id") ON DELETE CASCADE
);
CREATE INDEX "workload_binding_tenant_id_mode_provider_id_idx" ON "workload_binding" ("tenant_id", "mode", "provider_id");
CREATE INDEX "workload_binding_tenant_id_mode_service_user_id_idx" ON "workload_binding" ("tenant_id", "mode", "service_user_id");
