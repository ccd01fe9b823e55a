# Fieldline gateway: editor, dashboard, embedded database and broker in one image, without root.
# docker build -t fieldline .   then see deploy/compose.yaml

FROM node:24-bookworm-slim AS build
WORKDIR /app
# Node comes with the image: the npm packages that bring it to older machines are left out.
COPY package.json package-lock.json .npmrc ./
COPY gateway/package.json gateway/
COPY scripts/native.mjs scripts/
RUN npm ci && rm -rf node_modules/node-linux-* node_modules/.bin/node
COPY . .
RUN npm run build \
 && npm prune --omit=dev --ignore-scripts \
 && rm -rf node_modules/node-linux-* node_modules/.bin/node

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=1880 \
    MQTT_LISTEN=0.0.0.0:1883 \
    FIELDLINE_DIR=/data \
    FIELDLINE_DEMO=off
WORKDIR /app
COPY --from=build /app/package.json /app/settings.js ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/gateway/package.json gateway/
COPY --from=build /app/dist dist
COPY --from=build /app/resources resources
COPY --from=build /app/examples examples
COPY --from=build /app/flows flows
# The database refuses root, and nothing here needs it.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 1880 1883
# FIELDLINE_ADMIN_PASSWORD has to be given: HOST is not loopback.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+process.env.PORT+'/health/live').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# No shell and no npm in between: signals reach the launcher, which drains and stops within 10 s.
STOPSIGNAL SIGTERM
# As in `npm start`; why: docs/adr/0007-memory-of-the-gateway.md.
ENV MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072 MALLOC_MMAP_THRESHOLD_=65536
CMD ["node", "--min-semi-space-size=8", "--max-semi-space-size=32", "--no-allocation-site-pretenuring", "--gc-memory-reducer-start-delay-ms=60000", "dist/gateway/main.js"]
