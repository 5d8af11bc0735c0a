#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "awaited_names.hpp"
#include "connector.hpp"
#include "copy_service.hpp"
#include "exchange.hpp"
#include "node_memory.hpp"
#include "nodes.hpp"

namespace locum {

/// Answers what other ranks ask of this node: any of its ranks can, because what they are asked about is the
/// node's. Runs inside the steps of the exchange and waits for nothing; what takes another node's word goes
/// on when that word comes. Questions that make no sense are refused, and change nothing.
class NodeService final : public Service {
 public:
  /// \param local        this node's memory, with the directory of the names at home here
  /// \param references   makes the objects that stand here for those of other nodes: a connector over `local`
  /// \param inline_bytes blocks up to this size are answered together with a look-up by name
  /// \param watcher      is told by the directory when look_for_awaited() is due
  NodeService(NodeMemory local, std::shared_ptr<Connector> references, const Copies& copies,
              std::shared_ptr<Exchange> exchange, std::shared_ptr<Nodes> nodes, std::uint64_t inline_bytes,
              std::chrono::milliseconds timeout, std::function<std::vector<int>()> lost_mates,
              std::shared_ptr<NameWatcher> watcher);

  void asked(const Question& question) noexcept override;
  void bereaved(int rank) noexcept override;
  /// Answers those whose name has been bound meanwhile. Within a step of the exchange.
  void look_for_awaited() noexcept;
  /// Nobody who waits for a name is answered any more but by `error`. Within a step of the exchange.
  void close(const Error& error) noexcept;
  /// Waits that are registered here.
  [[nodiscard]] std::size_t awaited() const noexcept { return awaited_.size(); }

 private:
  /// Whom an answer that comes later goes to.
  struct Asker {
    int rank = 0;
    std::uint32_t call = 0;
  };

  void dispatch(const Question& question);
  void fetch(const Question& question, Asker asker);
  void fetch_part(const Question& question, Asker asker);
  void exists(const Question& question, Asker asker);
  void evict(const Question& question, Asker asker);
  void retire(const Question& question, Asker asker);
  void look_up(const Question& question, Asker asker);
  void await(const Question& question, Asker asker);
  void bind(const Question& question, Asker asker);
  void unbind(const Question& question, Asker asker);
  void generation(const Question& question, Asker asker);
  void list(const Question& question, Asker asker);
  void roll_call(Asker asker);

  [[nodiscard]] int node_of(const Question& question) const;
  [[nodiscard]] Result<std::uint64_t> refer(const BindWords& asked, std::string_view name,
                                            std::span<const std::byte> block, const SealOptions& options);
  [[nodiscard]] std::optional<Key> referent(const Pin& old) const;
  void answer_with(const Pin& pin, bool value_wanted, Asker asker);
  [[nodiscard]] bool serve(const AwaitedNames::Waiter& waiter) noexcept;
  void retire_then(const Key& key, Asker asker, std::vector<std::byte> body);
  void dissolve_then(const Key& key, Asker asker, std::vector<std::byte> body);
  void answer(Asker asker, std::span<const std::byte> body, Bulk bulk = {});
  void refuse(Asker asker, const Error& error);
  [[nodiscard]] Exchange::Clock::time_point soon() const;

  const NodeMemory local_;
  const std::shared_ptr<Connector> references_;
  const Copies copies_;
  CopyService copy_service_;
  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<Nodes> nodes_;
  const std::uint64_t inline_bytes_;
  const std::chrono::milliseconds timeout_;
  const std::function<std::vector<int>()> lost_mates_;
  const std::shared_ptr<NameWatcher> watcher_;
  AwaitedNames awaited_;
};

}  // namespace locum
