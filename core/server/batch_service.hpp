#pragma once

#include <cstdint>
#include <string_view>

#include "core/rpc/batch_wire.hpp"
#include "core/server/service_parts.hpp"

namespace locum {

/// Serves requests for many objects (see NodeService): with the metadata of each, and the small ones
/// themselves, packed. Large ones, and those that do not fit, have to be requested again.
class BatchService final {
 public:
  explicit BatchService(const ServiceParts& parts) noexcept : parts_(parts) {}

  /// By key, of objects of this node.
  void fetch(const BatchWords& asked, const Request& request, ReplyTo reply_to);
  /// By name, of names at home here.
  void look_up(const BatchWords& asked, const Request& request, ReplyTo reply_to);

 private:
  class Packing;
  void add(const Key& key, Packing& packing) const;
  void add(std::uint32_t store, std::string_view name, Packing& packing) const;
  template <class AddAll>
  void answer(const BatchWords& asked, int from, ReplyTo reply_to, AddAll add_all) const;
  [[nodiscard]] std::shared_ptr<ReceivedBlock> memory_for(const BatchWords& asked, ReplyTo reply_to) const;

  const ServiceParts& parts_;
};

}  // namespace locum
