#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <variant>

#include "core/server/service_parts.hpp"

namespace locum {

/// Serves requests about copies (see NodeService).
class CopyService final {
 public:
  explicit CopyService(const ServiceParts& parts) noexcept : parts_(parts) {}

  /// The object's block, once the requesting node is recorded among those that have a copy; or a lease to
  /// read it, if one was requested.
  void copy(const KeyWords& asked, const Request& request, ReplyTo reply_to);
  /// The requesting rank has finished reading under its lease. Replies only if a reply is wanted.
  void release(const EndReadWords& over, const Request& request, ReplyTo reply_to);
  /// Whether this rank still reads under an expired lease of the requesting rank.
  void recall(const EndReadWords& over, const Request& request, ReplyTo reply_to);
  /// Replies once nobody finds the copy any more.
  void invalidate(const KeyWords& asked, const Request& request, ReplyTo reply_to);
  /// Grants the requesting node a lease, unless it is fenced.
  void renew(const Request& request, ReplyTo reply_to);
  /// Replies when a flight of this rank has ended.
  void join(const JoinWords& asked, const Request& request, ReplyTo reply_to);

 private:
  /// As asked for by the request, of an object that is in memory, or in a copy of its own.
  void send(const Request& request, const std::shared_ptr<const PinnedObject>& object, ReplyTo reply_to);
  [[nodiscard]] Task<std::monostate> copy_from_disk(Request request, Key key, ReplyTo reply_to);
  [[nodiscard]] bool lease(ReplyTo reply_to, const CopyWords& copy,
                           std::shared_ptr<const PinnedObject> object,
                           std::span<const std::byte> block) const;
  [[nodiscard]] Task<std::monostate> join(JoinWords asked, ReplyTo reply_to);

  const ServiceParts& parts_;
};

}  // namespace locum
