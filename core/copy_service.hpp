#pragma once

#include <cstddef>
#include <vector>

#include "service_parts.hpp"

namespace locum {

/// Answers what is asked about copies (see NodeService).
class CopyService final {
 public:
  explicit CopyService(const ServiceParts& parts) noexcept : parts_(parts) {}

  /// The object's block, once the asker's node is entered among those that have a copy.
  void copy(const Question& question, Asker asker);
  /// Says that the copy is gone when nobody finds it any more.
  void invalidate(const Question& question, Asker asker);
  /// Grants the asker's node a lease, unless it is fenced.
  void renew(const Question& question, Asker asker);
  /// Says so when a flight of this rank has ended.
  void join(const Question& question, Asker asker);

  /// Takes the copies of an object of this node that is gone out of sight, and then answers.
  void dissolve_then(const Key& key, Asker asker, std::vector<std::byte> body);

 private:
  const ServiceParts& parts_;
};

}  // namespace locum
