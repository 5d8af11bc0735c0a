#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/client/batch_search.hpp"
#include "core/client/remote_reader.hpp"
#include "core/client/remote_writer.hpp"
#include "core/ports/connector.hpp"

namespace locum {

/// Batches of objects of several nodes: the calling thread does what this node has or decides alone, one
/// after the other; the rest is one operation. Any thread may call.
class NodeBatches final : public Batches {
 public:
  /// \param alone for objects that need no other node
  NodeBatches(Sink& alone, std::shared_ptr<RemoteReader> reader, std::shared_ptr<RemoteWriter> writer)
      : alone_(alone), reader_(std::move(reader)), writer_(std::move(writer)), client_(reader_->client()) {}

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
  const std::shared_ptr<RemoteReader> reader_;
  const std::shared_ptr<RemoteWriter> writer_;
  const NodeClient& client_;
};

}  // namespace locum
