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
  void copy(const Question& question, Asker asker);
  /// The requesting rank has finished reading under its lease. Replies only if a reply is wanted.
  void release(const Question& question, Asker asker) const;
  /// Whether this rank still reads under an expired lease of the requesting rank.
  void recall(const Question& question, Asker asker) const;
  /// Replies once nobody finds the copy any more.
  void invalidate(const Question& question, Asker asker);
  /// Grants the requesting node a lease, unless it is fenced.
  void renew(const Question& question, Asker asker);
  /// Replies when a flight of this rank has ended.
  void join(const Question& question, Asker asker);

 private:
  [[nodiscard]] bool lease(Asker asker, const CopyWords& copy, std::shared_ptr<const PinnedObject> object,
                           std::span<const std::byte> block) const;
  [[nodiscard]] Task<std::monostate> join(JoinWords asked, Asker asker);

  const ServiceParts& parts_;
};

}  // namespace locum
