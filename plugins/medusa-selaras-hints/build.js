// Medusa loads a plugin from .medusa/server/src. There is nothing to compile here: the sources are copied.
const { cpSync, rmSync } = require("node:fs")
const { join } = require("node:path")

const target = join(__dirname, ".medusa", "server", "src")
rmSync(target, { recursive: true, force: true })
cpSync(join(__dirname, "src"), target, { recursive: true })
