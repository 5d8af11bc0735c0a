#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/async/node_client.hpp"
#include "core/hyperslab.hpp"
#include "core/object/counted_board.hpp"
#include "core/object/object_wire.hpp"
#include "core/part.hpp"

namespace locum {

/// Some contiguous bytes of an object: in private memory, or in place. Lives as long as views of it. Its
/// facts are those of the object; of a hyperslab, the extents are its own. Filled by one thread, then read by
/// any.
class ReceivedRange final : public CountedBoard {
 public:
  /// The first view of `bytes`, which arrived by `path`. \param facts of the object; of a hyperslab with its
  /// extents \param expires_ns 0: never, or the reply does not say
  [[nodiscard]] static ObjectView view(const ObjectFacts& facts, std::shared_ptr<ReceivedBlock> bytes,
                                       Path path, std::uint64_t expires_ns = 0);

  [[nodiscard]] ObjectFacts describe(std::uint64_t pin) const override;
  [[nodiscard]] std::uint64_t expires_ns(std::uint64_t /*pin*/) const noexcept override {
    return expires_ns_;
  }

 private:
  ReceivedRange(const ObjectFacts& facts, std::shared_ptr<ReceivedBlock> bytes, Path path,
                std::uint64_t expires_ns)
      : CountedBoard(path),
        bytes_(std::move(bytes)),
        type_name_(facts.type_name),
        name_(facts.name),
        facts_(facts),
        expires_ns_(expires_ns) {}

  const std::shared_ptr<ReceivedBlock> bytes_;
  const std::string type_name_;
  const std::string name_;
  const ObjectFacts facts_;  ///< except the two texts
  const std::uint64_t expires_ns_;
};

/// Requests some bytes of an object from its owner's node: `not_found`, `invalid_argument` for a range
/// outside the object, `unsupported` if only the whole object can be verified, `corrupt` if the reply cannot
/// be these bytes of the object, which `name` is bound to (empty: requested by key). `generation`: if known;
/// else 0. A name and a slab must live until the task has ended. `memory`: if the bytes fit, they are
/// received there, and the view shows that memory; nothing writes to it once the task has ended (see
/// LandingMemory).
[[nodiscard]] Task<Result<ObjectView>> fetch_part(const NodeClient& client, Key key, std::string_view name,
                                                  ByteRange range, std::uint64_t generation,
                                                  Deadline::Clock::time_point until,
                                                  std::span<std::byte> memory);
/// The same for a hyperslab, packed: repeats the request as long as only some of it was included. Also fails
/// with the errors of hyperslab_of().
[[nodiscard]] Task<Result<ObjectView>> fetch_hyperslab(const NodeClient& client, Key key,
                                                       std::string_view name, const Hyperslab& slab,
                                                       std::uint64_t element_bytes, std::uint64_t generation,
                                                       Deadline::Clock::time_point until,
                                                       std::span<std::byte> memory);
/// Requests an object's metadata: a view of none of its bytes, with all its facts. `not_found`, `corrupt`.
[[nodiscard]] Task<Result<ObjectView>> fetch_facts(const NodeClient& client, Key key,
                                                   std::uint64_t generation,
                                                   Deadline::Clock::time_point until);
/// The error if there is no memory for that many bytes.
[[nodiscard]] Error no_room_for(std::uint64_t bytes);

}  // namespace locum
