#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "node_client.hpp"
#include "object_wire.hpp"
#include "part.hpp"

namespace locum {

/// Some bytes of an object of another node, in memory of this process. Lives as long as views of it. Its
/// facts are those of the object, but for extents. Filled by one thread, then read by any.
class HeldPart final : public PinBoard {
 public:
  /// The first view of these bytes of the object, which `name` stands for (empty: it was asked for by key);
  /// `corrupt` if what was answered cannot be that.
  [[nodiscard]] static Result<ObjectView> view(const NodeAnswer& answer, const Key& key,
                                               std::string_view name, const ByteRange& range,
                                               std::uint64_t generation);

  void retain(std::uint64_t pin) noexcept override;
  void release(std::uint64_t pin) noexcept override;
  [[nodiscard]] ObjectFacts describe(std::uint64_t pin) const override;

 private:
  explicit HeldPart(const NodeAnswer& answer) : PinBoard(answer.path), bytes_(answer.block) {}

  const std::shared_ptr<HeldObject> bytes_;
  PartWire wire_;
  std::string type_name_;
  std::string name_;
  std::atomic<std::uint64_t> views_{1};
  std::shared_ptr<HeldPart> self_;  ///< while there are views
};

/// Asks the node of an object's owner for some of its bytes, and waits for them: `not_found`,
/// `invalid_argument` for a range that the object does not have, `unsupported` where only the whole object
/// can be checked. `generation`: what is known of it; 0 if nothing.
[[nodiscard]] Result<ObjectView> fetch_part(const NodeClient& client, const Key& key, std::string_view name,
                                            const ByteRange& range, std::uint64_t generation,
                                            Deadline deadline);

}  // namespace locum
