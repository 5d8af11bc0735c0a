#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/client/batch_search.hpp"
#include "core/client/binder.hpp"
#include "core/client/finder.hpp"
#include "core/ports/connector.hpp"

namespace locum {

/// Batches of objects of several nodes: the calling thread does what this node has or decides alone, one
/// after the other; the rest is one operation. Any thread may call.
class NodeBatches final : public Batches {
 public:
  /// \param alone for objects that need no other node
  NodeBatches(Sink& alone, std::shared_ptr<Finder> finder, std::shared_ptr<Binder> binder)
      : alone_(alone), finder_(std::move(finder)), binder_(std::move(binder)), client_(finder_->client()) {}

  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline) override;
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                  Deadline deadline) override;
  void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                   Deadline deadline) override;

 private:
  template <class T, class Meanwhile>
  void run(Deadline::Clock::time_point until, const std::vector<std::size_t>& places,
           std::span<Result<T>> all, Task<Result<std::vector<Result<T>>>> task, Meanwhile meanwhile) const;
  [[nodiscard]] Result<BatchSearch::Found> find_elsewhere(BatchWanted wanted) const;

  Sink& alone_;
  const std::shared_ptr<Finder> finder_;
  const std::shared_ptr<Binder> binder_;
  const NodeClient& client_;
};

}  // namespace locum
