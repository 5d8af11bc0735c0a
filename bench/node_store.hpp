#pragma once

#include <memory>
#include <utility>

#include "core/node/cluster.hpp"
#include "core/ports/group.hpp"
#include "core/session.hpp"
#include "core/store.hpp"
#include "core/value/options.hpp"
#include "shm/node.hpp"
#include "transport/storage/spill_file.hpp"

namespace locum::bench {

/// The memory of a node with one process, and an open store: all parts of a runtime, without MPI.
class NodeStore {
 public:
  explicit NodeStore(RuntimeOptions options)
      : session_(open(std::move(options))), store_(session_->open("bench").value()) {}
  NodeStore(const NodeStore&) = delete;
  NodeStore& operator=(const NodeStore&) = delete;
  ~NodeStore() { session_->close(); }

  [[nodiscard]] Store& store() noexcept { return store_; }
  [[nodiscard]] Session& session() noexcept { return *session_; }
  /// REQUIRES: the options have a spill folder.
  [[nodiscard]] ObjectSpill& spill() noexcept { return *spill_; }

 private:
  [[nodiscard]] std::shared_ptr<Session> open(RuntimeOptions options) {
    SoloGroup group;
    const storage::SpillOptions spilled{.folder = std::string(options.spill_folder)};
    const SpillFiles files{.make = [&] { return storage::make_spill_file(spilled); }, .take = {}};
    shm::Node node =
        shm::open_node(group, {0}, options, 1, options.spill_folder.empty() ? SpillFiles() : files);
    spill_ = node.spill;
    return std::make_shared<Session>(open_cluster({.arena = std::move(node.arena),
                                                   .table = std::move(node.table),
                                                   .directory = std::move(node.directory),
                                                   .timeout = options.timeout,
                                                   .spill = std::move(node.spill)}),
                                     std::make_shared<Metrics>(),
                                     SessionOptions{.options = std::move(options)});
  }

  std::shared_ptr<ObjectSpill> spill_;
  std::shared_ptr<Session> session_;
  Store store_;
};

}  // namespace locum::bench
