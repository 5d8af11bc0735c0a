#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/object/bulk.hpp"
#include "core/ports/transport.hpp"

namespace locum {

/// What a message is about. Numbers are part of the wire format (docs/wire_format.md).
enum class Kind : std::uint8_t {
  reply = 1,  ///< the answer to whichever message had this number
  ping,       ///< answered at once: "are you there?"
  fetch,      ///< an object by key: to its owner's node
  exists,     ///< whether it is there: to its owner's node
  evict,      ///< out of sight with an object, and with its name: to its owner's node
  retire,     ///< out of sight with an object whose name is gone already: from the name's home to the owner's
              ///< node
  look_up,    ///< an object by name: to the name's home
  bind,       ///< a name for an object: to the name's home
  unbind,     ///< out of sight with a name, and with what it stands for: to the home
  generation,       ///< the live generation of a name's hash: to the home
  list,             ///< names of a store by prefix: to every node
  roll_call,        ///< which ranks of the node are dead: to every node, while all wait for all; to the home
                    ///< of a name that one of them may bind yet
  await,            ///< an object by name, as soon as there is one: to the name's home
  fetch_part,       ///< some bytes of an object by key: to its owner's node
  copy,             ///< an object by key, for all ranks of the asker's node: to its owner's node
  invalidate,       ///< out of sight with a copy: from the owner's node to one that may have it
  join,             ///< tell me when your flight has ended: to the rank of the same node that has it
  fetch_hyperslab,  ///< some elements of an array by key, packed: to its owner's node
  obituary,         ///< a rank of the asker's node is dead, hear nothing more of it: to any rank
  renew,            ///< may copies be shown on: to the node of the copied objects
  lease_read,       ///< as copy, to be read one-sidedly where that can be
  end_read,         ///< a lease_read is over; nobody answers: to the rank that granted it
  recall_read,      ///< does the asked rank still read under a lease that is over: from who granted it
  describe,         ///< what an object says of itself, by key, without its payload: to its owner's node
  fetch_batch,      ///< many objects by key: to the node that they are of
  evict_batch,      ///< many questions `evict`: to the node of the objects
  unbind_batch,     ///< many questions `unbind`: to the names' home
  bind_batch,       ///< many questions `bind`: to the names' home
  look_up_batch,    ///< many objects by name: to the names' home
};
inline constexpr std::uint8_t last_kind = static_cast<std::uint8_t>(Kind::look_up_batch);

/// Version of all that is sent between ranks; those of a runtime have the same, or refuse each other at
/// start.
inline constexpr std::uint8_t wire_version = 14;

/// What each message begins with. 16 bytes, in the byte order of the machines.
struct Envelope {
  Kind kind = Kind::reply;
  std::uint8_t version = wire_version;
  std::uint8_t status = 0;  ///< of a reply: its Errc; 0: it went well
  std::uint8_t unused = 0;
  std::uint32_t call = 0;         ///< the asker's number for this; the reply repeats it
  std::uint64_t incarnation = 0;  ///< of the runtime: what comes from another one is dropped
};
static_assert(sizeof(Envelope) == 16);

/// What fits behind it into a header.
inline constexpr std::size_t max_body_bytes = max_header_bytes - sizeof(Envelope);

[[nodiscard]] inline std::span<const std::byte> bytes_of_text(std::string_view text) noexcept {
  return std::as_bytes(std::span(text));
}

}  // namespace locum
