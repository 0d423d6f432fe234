// A store for tests: no admin pages, everything in memory but the database, on the loopback address alone.
const { defineConfig } = require("@medusajs/framework/utils")

module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: process.env.DATABASE_URL,
    databaseDriverOptions: { ssl: false, connection: { ssl: false } },
    http: {
      storeCors: "http://127.0.0.1",
      adminCors: "http://127.0.0.1",
      authCors: "http://127.0.0.1",
      jwtSecret: "a-secret-for-tests",
      cookieSecret: "a-secret-for-tests",
    },
  },
  plugins: [{ resolve: "medusa-selaras-hints", options: { url: process.env.HINTS_URL, secret: process.env.HINTS_SECRET } }],
})
