#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/object/bulk.hpp"
#include "core/ports/transport.hpp"

namespace locum {

/// The kind of a message. Numbers are part of the wire format (docs/wire_format.md).
enum class Kind : std::uint8_t {
  reply = 1,        ///< the reply to the message with this number
  ping,             ///< liveness probe, answered at once
  fetch,            ///< an object by key: to its owner's node
  exists,           ///< whether an object exists: to its owner's node
  evict,            ///< evict an object and its name: to its owner's node
  retire,           ///< evict an object whose name is already unbound: from the name's home to the owner's
                    ///< node
  look_up,          ///< an object by name: to the name's home
  bind,             ///< bind a name to an object: to the name's home
  unbind,           ///< unbind a name and evict its object: to the home
  generation,       ///< the current generation of a name's hash: to the home
  list,             ///< names of a store by prefix: to every node
  roll_call,        ///< which ranks of the node are dead: to every node, during collective waits; to the home
                    ///< of a name that one of them may bind yet
  await,            ///< an object by name, once it is bound: to the name's home
  fetch_part,       ///< some bytes of an object by key: to its owner's node
  copy,             ///< an object by key, for all ranks of the sender's node: to its owner's node
  invalidate,       ///< drop a copy: from the owner's node to one that may have it
  join,             ///< reply when a flight has ended: to the rank of the same node that runs it
  fetch_hyperslab,  ///< some elements of an array by key, packed: to its owner's node
  death_notice,     ///< death notice of a rank of the sender's node: to any rank
  renew,            ///< renew the lease of copies: to the node of the copied objects
  lease_read,       ///< as copy, to be read one-sidedly if possible
  end_read,         ///< a lease_read is over, no reply: to the rank that granted it
  recall_read,      ///< whether a rank still reads under an expired lease: from the rank that granted it
  describe,         ///< metadata of an object by key, without its payload: to its owner's node
  fetch_batch,      ///< many objects by key: to their owner's node
  evict_batch,      ///< many `evict` requests: to the node of the objects
  unbind_batch,     ///< many `unbind` requests: to the names' home
  bind_batch,       ///< many `bind` requests: to the names' home
  look_up_batch,    ///< many objects by name: to the names' home
  together,         ///< several messages to one rank (together_wire.hpp), no reply of its own
};
inline constexpr std::uint8_t last_kind = static_cast<std::uint8_t>(Kind::together);

/// Version of everything sent between ranks; all ranks of a runtime have the same, otherwise opening fails.
inline constexpr std::uint8_t wire_version = 18;

/// The first 16 bytes of each message, in the machines' byte order.
struct Envelope {
  Kind kind = Kind::reply;
  std::uint8_t version = wire_version;
  std::uint8_t status = 0;        ///< of a reply: its Errc; 0: success
  std::uint8_t unhurried = 0;     ///< of a request: 1: nobody waits for its reply, which may come later
  std::uint32_t call = 0;         ///< the sender's number of the request; the reply repeats it
  std::uint64_t incarnation = 0;  ///< of the runtime: messages of another one are dropped
};
static_assert(sizeof(Envelope) == 16);

/// Bytes that fit behind the envelope into a header.
inline constexpr std::size_t max_body_bytes = max_header_bytes - sizeof(Envelope);

[[nodiscard]] inline std::span<const std::byte> bytes_of_text(std::string_view text) noexcept {
  return std::as_bytes(std::span(text));
}

}  // namespace locum
