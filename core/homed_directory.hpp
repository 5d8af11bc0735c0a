#pragma once

#include <cstdint>
#include <memory>

#include "copy_sets.hpp"
#include "node_client.hpp"
#include "node_memory.hpp"
#include "settlement.hpp"

namespace locum {

/// The names of all nodes: each is kept by the directory of the node that it is at home on. What is at home
/// here is decided here, everything else by a question to the home, and waiting for its answer.
///
/// find() and wait() return pins, and so serve names that are at home here only, as watch() does; they may
/// return an object that stands for one of another node (see Reference).
class HomedDirectory final : public Directory {
 public:
  /// \param local        this node's memory, with the directory of the names at home here
  /// \param copy_sets    who has copies of this node's objects
  /// \param settlement   finds out what became of binds that were not answered
  /// \param inline_bytes blocks up to this size are kept at the name's home, too
  HomedDirectory(NodeMemory local, std::shared_ptr<const NodeClient> client,
                 std::shared_ptr<CopySets> copy_sets, std::shared_ptr<Settlement> settlement,
                 std::uint64_t inline_bytes);

  [[nodiscard]] Result<std::uint64_t> bind(const Key& key, const SealOptions& options,
                                           Deadline deadline) override;
  [[nodiscard]] bool may_be_bound(const Key& key, const Error& error) override;
  [[nodiscard]] Result<Pin> find(std::uint32_t store, std::string_view name, Deadline deadline) override;
  [[nodiscard]] Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only,
                                    Deadline deadline) override;
  [[nodiscard]] Result<std::uint64_t> generation(std::uint64_t hash) override;
  [[nodiscard]] Result<std::vector<std::string>> names(std::uint32_t store, std::string_view prefix,
                                                       Deadline deadline) override;
  [[nodiscard]] Result<Pin> wait(std::uint32_t store, std::string_view name,
                                 Deadline::Clock::time_point moment) override;
  void watch(std::uint64_t hash, std::shared_ptr<NameWatcher> watcher) override;

 private:
  [[nodiscard]] Result<NodeAnswer> ask_to_bind(int home, const BindWords& asked, const Bulk& bulk,
                                               Deadline deadline) const;
  [[nodiscard]] Result<std::uint64_t> bind_here(const Pin& pin, const SealOptions& options,
                                                Deadline deadline);
  [[nodiscard]] Result<bool> unbind_here(std::uint32_t store, std::string_view name, const Key& only,
                                         Deadline deadline);
  [[nodiscard]] std::optional<Key> referent(const Pin& old) const;
  [[nodiscard]] Result<bool> retire(const Key& key, Deadline deadline);

  const NodeMemory local_;
  const std::shared_ptr<const NodeClient> client_;
  const std::shared_ptr<CopySets> copy_sets_;
  const std::shared_ptr<Settlement> settlement_;
  const std::uint64_t inline_bytes_;
};

}  // namespace locum
