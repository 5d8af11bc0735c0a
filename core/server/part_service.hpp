#pragma once

#include <memory>

#include "core/rpc/packing_space.hpp"
#include "core/server/service_parts.hpp"

namespace locum {

/// Serves requests for some bytes of an object of this node (see NodeService).
class PartService final {
 public:
  explicit PartService(const ServiceParts& parts) : parts_(parts), space_(parts.channel->options().size) {}

  /// Some bytes of the payload, sent in place.
  void fetch_part(const PartWords& asked, const Request& request, ReplyTo reply_to);
  /// A hyperslab from a position on: in place if that is one run to the end, or a long one; else packed, as
  /// much as there is room for.
  void fetch_hyperslab(const HyperslabWords& asked, const Request& request, ReplyTo reply_to);

 private:
  using Object = std::shared_ptr<const PinnedObject>;

  /// Has `send(object)` reply with a part of that object, as soon as it can be read.
  template <class Send>
  void with_object(const Key& key, ReplyTo reply_to, Send send);
  template <class Send>
  [[nodiscard]] Task<std::monostate> with_object_from_disk(Key key, ReplyTo reply_to, Send send);
  void send_part(const PartWords& asked, const Object& object, ReplyTo reply_to) const;
  void send_hyperslab(const HyperslabWords& asked, const Object& object, ReplyTo reply_to);
  void reply(ReplyTo reply_to, const Pin& pin, Bulk bulk) const;

  const ServiceParts& parts_;
  PackingSpace space_;
};

}  // namespace locum
