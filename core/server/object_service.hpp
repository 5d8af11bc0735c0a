#pragma once

#include <cstdint>

#include "core/server/copy_service.hpp"
#include "core/server/service_parts.hpp"

namespace locum {

/// Answers what is asked about objects of this node by key (see NodeService).
class ObjectService final {
 public:
  ObjectService(const ServiceParts& parts, CopyService& copies) noexcept : parts_(parts), copies_(copies) {}

  /// The block, if it is not larger than wanted.
  void fetch(const Question& question, Asker asker);
  /// What stands behind the payload alone.
  void describe(const Question& question, Asker asker);
  void exists(const Question& question, Asker asker);
  void evict(const Question& question, Asker asker);
  /// Out of sight with an object whose name is gone.
  void retire(const Question& question, Asker asker);

 private:
  enum class Shown : std::uint8_t { block, tail };
  /// What an object says of itself, and its block or what of that stands behind the payload, unless the block
  /// is larger than `most_bytes`.
  void show(const Key& key, Shown shown, std::uint64_t most_bytes, Asker asker);
  void end_eviction(const Key& key, int home, Asker asker, const Result<NodeAnswer>& unbound);

  const ServiceParts& parts_;
  CopyService& copies_;
};

}  // namespace locum
