// Copyright 2026 the Selaras authors. SPDX-License-Identifier: Apache-2.0
//
// Vendure has no outgoing webhooks. This plugin listens to its event bus and tells a Selaras hub which order or product
// has news: a kind and an id, never what the news is, for the hub reads the record itself. A hint that is lost costs
// time only, because the hub polls as well; so hints are kept in memory and tried a few times, no more.
"use strict"

const crypto = require("node:crypto")
const {
  EventBus, FulfillmentEvent, Logger, OrderEvent, OrderPlacedEvent, OrderStateTransitionEvent,
  PaymentStateTransitionEvent, PluginCommonModule, ProductVariantEvent, RefundEvent, RefundStateTransitionEvent,
  VendurePlugin,
} = require("@vendure/core")
const { Inject } = require("@nestjs/common")

const NAME = "SelarasHints"
const order = (event) => [event.order]
const SOURCES = [
  [OrderPlacedEvent, "order", order],
  [OrderStateTransitionEvent, "order", order],
  [OrderEvent, "order", order],
  [PaymentStateTransitionEvent, "order", order],
  [RefundEvent, "order", order],
  [RefundStateTransitionEvent, "order", order],
  [FulfillmentEvent, "order", (event) => (event.input && event.input.orders) || event.entity.orders || []],
  [ProductVariantEvent, "product", (event) => (Array.isArray(event.entity) ? event.entity : [event.entity])],
]

// Carts change with every click; an order is worth a look once it was placed.
const PLACED = (one) => one && (one.active === false || one.orderPlacedAt)

class SelarasHintsPlugin {
  /**
   * @param {{url: string, secret: string, delay?: number, attempts?: number}} options
   *   url: the address that `selaras` shows for this connection; secret: the same as its webhook secret.
   *   delay: milliseconds in which news of one record are told once (500); attempts: tries of one hint (5).
   */
  static init(options) {
    if (!options || !options.url || !options.secret || options.secret.length < 16) {
      throw new Error("vendure-selaras-hints: `url` and a `secret` of at least 16 characters are needed")
    }
    SelarasHintsPlugin.options = { delay: 500, attempts: 5, ...options }
    return SelarasHintsPlugin
  }

  constructor(eventBus) {
    this.eventBus = eventBus
    this.waiting = new Map()
    this.subscriptions = []
  }

  onApplicationBootstrap() {
    if (!SelarasHintsPlugin.options) {
      Logger.warn("not configured: use SelarasHintsPlugin.init({ url, secret })", NAME)
      return
    }
    for (const [Type, kind, records] of SOURCES) {
      this.subscriptions.push(this.eventBus.ofType(Type).subscribe((event) => {
        for (const one of records(event)) {
          if (one && one.id != null && (kind !== "order" || Type === OrderPlacedEvent || PLACED(one))) {
            this.note(kind, String(one.id))
          }
        }
      }))
    }
  }

  onApplicationShutdown() {
    for (const one of this.subscriptions) one.unsubscribe()
    for (const timer of this.waiting.values()) clearTimeout(timer)
    this.waiting.clear()
  }

  // OrderPlacedEvent comes before its row is saved (vendure issue 4416), and one act makes several events: wait a
  // moment, then tell once.
  note(kind, id) {
    const key = `${kind} ${id}`
    if (this.waiting.has(key)) return
    const timer = setTimeout(() => {
      this.waiting.delete(key)
      this.tell(kind, id).catch((error) => Logger.warn(`${key} was not told: ${error.message}`, NAME))
    }, SelarasHintsPlugin.options.delay)
    this.waiting.set(key, timer)
  }

  async tell(kind, id) {
    const { url, secret, attempts } = SelarasHintsPlugin.options
    const body = JSON.stringify({ kind, id })
    for (let turn = 1; ; turn++) {
      const time = String(Math.floor(Date.now() / 1000))
      const signature = crypto.createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")
      const headers = {
        "Content-Type": "application/json",
        "X-Selaras-Timestamp": time,
        "X-Selaras-Signature": signature,
      }
      try {
        const answer = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(10000) })
        if (answer.ok) return
        throw new Error(`HTTP ${answer.status}`)
      } catch (error) {
        if (turn >= attempts) throw error
        await new Promise((done) => setTimeout(done, 1000 * 3 ** (turn - 1)).unref())
      }
    }
  }
}

Inject(EventBus)(SelarasHintsPlugin, undefined, 0)
VendurePlugin({ imports: [PluginCommonModule], compatibility: "^3.0.0" })(SelarasHintsPlugin)

module.exports = { SelarasHintsPlugin }
