#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/server/awaited_names.hpp"
#include "core/server/name_changes.hpp"
#include "core/server/service_parts.hpp"

namespace locum {

/// Serves requests about names at home on this node (see NodeService).
class NameService final {
 public:
  /// \param watcher is notified by the directory when look_for_awaited() is due
  NameService(const ServiceParts& parts, std::shared_ptr<NameWatcher> watcher)
      : parts_(parts),
        watcher_(std::move(watcher)),
        awaited_([this](const AwaitedNames::Waiter& overdue) {
          parts_.exchange->dismiss(overdue.rank, overdue.call);
        }),
        look_again_(*parts_.exchange, [this](Exchange::Clock::time_point) { look_for_awaited(); }) {}

  void look_up(const Question& question, Asker asker);
  /// As look_up, but replies as soon as the name is bound.
  void await(const Question& question, Asker asker);
  void bind(const Question& question, Asker asker);
  void unbind(const Question& question, Asker asker);
  void generation(const Question& question, Asker asker);
  void list(const Question& question, Asker asker);

  /// Replies to waits whose name has been bound meanwhile, or whose promise is over.
  void look_for_awaited() noexcept;
  /// The same, only for names with that hash.
  void look_for_awaited(std::uint64_t name_hash) noexcept;
  /// From now on waits for names are answered with `error` only.
  void close(const Error& error) noexcept;
  /// That rank is lost.
  void forget(int rank) { awaited_.forget(rank); }
  [[nodiscard]] std::size_t awaited() const noexcept { return awaited_.size(); }

 private:
  [[nodiscard]] Result<std::uint64_t> refer(const BindWords& asked, std::string_view name,
                                            std::span<const std::byte> block, const SealOptions& options);
  [[nodiscard]] Task<std::monostate> finish_bind(Asker asker, Bound bound);
  [[nodiscard]] Task<std::monostate> finish_unbind(Asker asker, NameChanges::Unbound unbound);
  void answer_with(const Pin& pin, bool value_wanted, Asker asker);
  [[nodiscard]] bool serve(const AwaitedNames::Waiter& waiter) noexcept;
  [[nodiscard]] bool is_mates_wait(const Question& question, const std::optional<Key>& promised) const;
  void await_for_mate(const Key& promised, const AwaitWords& asked, Asker mate);
  void take_back(int rank, std::uint32_t store, std::string_view name) noexcept;

  const ServiceParts& parts_;
  const std::shared_ptr<NameWatcher> watcher_;
  AwaitedNames awaited_;
  Alarm look_again_;  ///< without a notification: the maker of a promise may have died
};

}  // namespace locum
