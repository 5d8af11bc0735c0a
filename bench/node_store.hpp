#pragma once

#include <memory>
#include <utility>

#include "core/node/cluster.hpp"
#include "core/options.hpp"
#include "core/ports/group.hpp"
#include "core/session.hpp"
#include "core/store.hpp"
#include "shm/node.hpp"

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

 private:
  [[nodiscard]] static std::shared_ptr<Session> open(RuntimeOptions options) {
    SoloGroup group;
    shm::Node node = shm::open_node(group, {0}, options, 1);
    return std::make_shared<Session>(open_cluster({std::move(node.arena), std::move(node.table),
                                                   std::move(node.directory), options.timeout}),
                                     std::make_shared<Metrics>(),
                                     SessionOptions{.options = std::move(options)});
  }

  std::shared_ptr<Session> session_;
  Store store_;
};

}  // namespace locum::bench
