#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <variant>

#include "core/server/service_parts.hpp"

namespace locum {

/// Answers what is asked about copies (see NodeService).
class CopyService final {
 public:
  explicit CopyService(const ServiceParts& parts) noexcept : parts_(parts) {}

  /// The object's block, once the asker's node is entered among those that have a copy; or a lease to read
  /// it, if one was asked for.
  void copy(const Question& question, Asker asker);
  /// The asker has read what it had a lease for. Answered only if it wants an answer, which it need not.
  void release(const Question& question, Asker asker) const;
  /// Says whether this rank still reads under a lease of the asker's that is over.
  void recall(const Question& question, Asker asker) const;
  /// Says that the copy is gone when nobody finds it any more.
  void invalidate(const Question& question, Asker asker);
  /// Grants the asker's node a lease, unless it is fenced.
  void renew(const Question& question, Asker asker);
  /// Says so when a flight of this rank has ended.
  void join(const Question& question, Asker asker);

 private:
  [[nodiscard]] bool lease(Asker asker, const CopyWords& copy, std::shared_ptr<const PinnedObject> object,
                           std::span<const std::byte> block) const;
  [[nodiscard]] Task<std::monostate> join(JoinWords asked, Asker asker);

  const ServiceParts& parts_;
};

}  // namespace locum
