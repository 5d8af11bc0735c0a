#pragma once

#include <cstdint>

#include "core/server/service_parts.hpp"

namespace locum {

/// Serves requests about objects of this node by key (see NodeService).
class ObjectService final {
 public:
  explicit ObjectService(const ServiceParts& parts) noexcept : parts_(parts) {}

  /// The block, if it is not larger than requested.
  void fetch(const FetchWords& asked, const Request& request, ReplyTo reply_to);
  /// The tail only.
  void describe(const KeyWords& asked, const Request& request, ReplyTo reply_to);
  void exists(const KeyWords& asked, const Request& request, ReplyTo reply_to);
  void evict(const KeyWords& asked, const Request& request, ReplyTo reply_to);
  /// Evicts an object whose name is gone.
  void retire(const KeyWords& asked, const Request& request, ReplyTo reply_to);

 private:
  /// An object's record, and its block, unless that is larger than `most_bytes`.
  void show(std::shared_ptr<const PinnedObject> object, std::uint64_t most_bytes, ReplyTo reply_to) const;
  [[nodiscard]] Task<std::monostate> show_from_disk(ReplyTo reply_to, Key key) const;
  [[nodiscard]] Task<std::monostate> evict_for(ReplyTo reply_to, Key key, bool is_there) const;
  [[nodiscard]] Task<std::monostate> retire_for(ReplyTo reply_to, Key key, bool was_there) const;

  const ServiceParts& parts_;
};

}  // namespace locum
