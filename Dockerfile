FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No dependency's install script is needed here: the one of `node` would fetch a second Node.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY bin bin
COPY prisma prisma
# The generator and the launcher's Node have done their work, or have none.
RUN node bin/prepare.mjs && npm uninstall --no-save --omit=dev --ignore-scripts prisma node

FROM node:24-slim
ENV NODE_ENV=production \
    KC_DATA_DIR=/data \
    KC_HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/prisma prisma
COPY package.json ./
COPY bin/livez.mjs bin/livez.mjs
COPY keys keys
COPY server server
# The code stays root's: the server can write to its data and nowhere else.
RUN install -d -o node -g node -m 0700 /data
USER node
VOLUME /data
EXPOSE 3000 3001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "bin/livez.mjs"]
ENTRYPOINT ["node", "server/command/main.ts"]
CMD ["start"]
