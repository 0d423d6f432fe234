// A small Vendure shop for the tests of Selaras: both APIs, no dashboard, sql.js in memory, loopback only.
const { bootstrap, DefaultJobQueuePlugin, DefaultLogger, LanguageCode, LogLevel, JobQueueService,
  dummyPaymentHandler, PaymentMethodHandler, TransactionalConnection } = require("@vendure/core")
const { SelarasHintsPlugin } = require("vendure-selaras-hints")

// Money comes to a bank account: nothing is received when the order is placed, an administrator settles it later.
const transfer = new PaymentMethodHandler({
  code: "bank-transfer", description: [{ languageCode: LanguageCode.en, value: "Bank transfer" }], args: {},
  createPayment: (ctx, order, amount) => ({ amount, state: "Authorized", transactionId: `VA-${order.code}`, metadata: {} }),
  settlePayment: () => ({ success: true }),
  cancelPayment: () => ({ success: true }),
})

const { PORT, SELARAS_URL, SELARAS_SECRET } = process.env

let shop
// The tests' own way to the database: stamps can be set as no buyer could.
const backDoor = (request, response) => {
  shop.get(TransactionalConnection).rawConnection.query(String(request.query.sql))
    .then((rows) => response.json(rows)).catch((error) => response.status(500).send(String(error)))
}

bootstrap({
  apiOptions: { hostname: "127.0.0.1", port: Number(PORT), adminApiPath: "admin-api", shopApiPath: "shop-api",
    middleware: [{ route: "back-door", handler: backDoor, beforeListen: false }] },
  authOptions: {
    tokenMethod: ["bearer", "api-key"], requireVerification: false,
    superadminCredentials: { identifier: "superadmin", password: "admin-password-1" }, cookieOptions: { secret: "cookie-secret" },
  },
  defaultLanguageCode: LanguageCode.en,
  defaultChannelToken: "toko",
  dbConnectionOptions: { type: "sqljs", synchronize: true, logging: false },
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler, transfer] },
  orderOptions: { orderItemsLimit: 10000 },
  logger: new DefaultLogger({ level: LogLevel.Info, timestamp: true }),
  plugins: [
    DefaultJobQueuePlugin.init({ pollInterval: 1000 }),
    ...(SELARAS_URL ? [SelarasHintsPlugin.init({ url: SELARAS_URL, secret: SELARAS_SECRET, delay: 200 })] : []),
  ],
}).then((app) => { shop = app; return app.get(JobQueueService).start() }).catch((error) => { console.error(error); process.exit(1) })
