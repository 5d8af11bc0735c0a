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

/// Some bytes of an object, in one piece: in memory of this process, or in place. Lives as long as views of
/// it. Its facts are those of the object, but that extents may be missing or those of these bytes. Filled by
/// one thread, then read by any.
class HeldPart final : public CountedBoard {
 public:
  /// The first view of `bytes`, which came by `path`. \param facts of the object; extents: of these bytes
  [[nodiscard]] static ObjectView view(const ObjectFacts& facts, std::shared_ptr<HeldObject> bytes,
                                       Path path);

  [[nodiscard]] ObjectFacts describe(std::uint64_t pin) const override;

 private:
  HeldPart(const ObjectFacts& facts, std::shared_ptr<HeldObject> bytes, Path path)
      : CountedBoard(path),
        bytes_(std::move(bytes)),
        type_name_(facts.type_name),
        name_(facts.name),
        facts_(facts) {}

  const std::shared_ptr<HeldObject> bytes_;
  const std::string type_name_;
  const std::string name_;
  const ObjectFacts facts_;  ///< but for the two texts
};

/// Asks the node of an object's owner for some of its bytes: `not_found`, `invalid_argument` for a range that
/// the object does not have, `unsupported` where only the whole object can be checked, `corrupt` if what was
/// answered cannot be these bytes of the object, which `name` stands for (empty: it is asked for by key).
/// `generation`: what is known of it; 0 if nothing. A name and a slab must live until the task has ended.
[[nodiscard]] Task<Result<ObjectView>> fetch_part(const NodeClient& client, Key key, std::string_view name,
                                                  ByteRange range, std::uint64_t generation,
                                                  Deadline::Clock::time_point until);
/// The same of a hyperslab, packed: asks again for the rest as long as only some of it comes. Errors also as
/// hyperslab_of().
[[nodiscard]] Task<Result<ObjectView>> fetch_hyperslab(const NodeClient& client, Key key,
                                                       std::string_view name, const Hyperslab& slab,
                                                       std::uint64_t element_bytes, std::uint64_t generation,
                                                       Deadline::Clock::time_point until);
/// Asks for what the object says of itself: a view of none of its bytes, with all its facts. `not_found`,
/// `corrupt`.
[[nodiscard]] Task<Result<ObjectView>> fetch_facts(const NodeClient& client, Key key,
                                                   std::uint64_t generation,
                                                   Deadline::Clock::time_point until);
/// The error where there is no memory for so many bytes.
[[nodiscard]] Error no_room_for(std::uint64_t bytes);

}  // namespace locum
