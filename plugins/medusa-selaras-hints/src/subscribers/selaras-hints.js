// Medusa has no webhooks. This subscriber posts a signed hint for each event that Selaras wants to know of: the event's
// name and ids, nothing else. Selaras then reads the record itself, so a hint that is lost, repeated or late does no
// harm; what is lost here is found by the next poll.
const { createHmac } = require("node:crypto")

const TRIES = 4
const PAUSE_MS = 500
const TIMEOUT_MS = 10000

/** The order that an event is about, where the event itself does not say so. */
async function orderOf(event, container) {
  const data = event.data ?? {}
  if (data.order_id) return data.order_id
  const subject = event.name.split(".")[0]
  const path = { payment: "payment_collection.order.id", shipment: "order.id", delivery: "order.id" }[subject]
  if (!path || !data.id) return undefined
  const entity = subject === "payment" ? "payment" : "fulfillment"
  try {
    const { data: rows } = await container.resolve("query").graph({ entity, fields: ["id", path], filters: { id: data.id } })
    return path.split(".").reduce((value, name) => value?.[name], rows[0])
  } catch (error) {
    return undefined // Selaras polls its orders then
  }
}

async function post(url, secret, body) {
  const time = String(Math.floor(Date.now() / 1000))
  const signature = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Selaras-Time": time, "X-Selaras-Signature": signature },
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  await answer.arrayBuffer()
  return answer.status
}

/** Repeats what failed on the way, newly signed; a refusal of Selaras is final. */
async function send(url, secret, body, logger, name) {
  for (let turn = 1; ; turn++) {
    let trouble
    try {
      const status = await post(url, secret, body)
      if (status < 300) return
      trouble = `HTTP ${status}`
      if (status < 500 && status !== 408 && status !== 429) turn = TRIES
    } catch (error) {
      trouble = error.message
    }
    if (turn >= TRIES) {
      logger.warn(`selaras-hints: ${name} was not taken (${trouble}); the next poll of Selaras finds it`)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 4 ** (turn - 1)))
  }
}

/** The options that medusa-config gives this plugin; Medusa 2.21 itself does not hand them to subscribers. */
function optionsOf(container, given) {
  if (given?.url) return given
  const { plugins = [] } = container.resolve("configModule")
  const mine = plugins.find((plugin) => /(^|[\\/])medusa-selaras-hints$/.test(plugin?.resolve ?? ""))
  return mine?.options ?? {}
}

async function selarasHints({ event, container, pluginOptions }) {
  const options = optionsOf(container, pluginOptions)
  const url = options.url || process.env.SELARAS_HINTS_URL
  const secret = options.secret || process.env.SELARAS_HINTS_SECRET
  if (!url || !secret) return
  const order = await orderOf(event, container)
  const ids = Object.fromEntries(
    Object.entries(event.data ?? {}).filter(([name, value]) => typeof value === "string" && /^id$|_id$/.test(name))
  )
  const body = JSON.stringify({ event: event.name, ...(order ? { order_id: order } : {}), data: ids })
  // Not awaited: an event's other subscribers, and the buyer, do not wait for Selaras.
  void send(url, secret, body, container.resolve("logger"), event.name)
}

module.exports.default = selarasHints

module.exports.config = {
  event: [
    "order.placed", "order.updated", "order.completed", "order.archived", "order.canceled",
    "order.fulfillment_created", "order.fulfillment_canceled", "order.return_requested", "order.return_received",
    "order.claim_created", "order.exchange_created", "order-edit.requested", "order-edit.confirmed",
    "order-edit.canceled", "payment.captured", "payment.refunded", "shipment.created", "delivery.created",
    "product.created", "product.updated", "product.deleted",
    "product-variant.created", "product-variant.updated", "product-variant.deleted",
    "inventory.inventory-level.created", "inventory.inventory-level.updated", "inventory.inventory-level.deleted",
  ],
  context: { subscriberId: "selaras-hints" },
}
