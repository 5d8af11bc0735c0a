#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/server/name_changes.hpp"
#include "core/server/name_waiters.hpp"
#include "core/server/service_parts.hpp"

namespace locum {

/// Serves requests about names at home on this node (see NodeService).
class NameService final {
 public:
  /// \param watcher is notified by the directory when look_for_awaited() is due
  NameService(const ServiceParts& parts, std::shared_ptr<NameWatcher> watcher)
      : parts_(parts),
        watcher_(std::move(watcher)),
        awaited_([this](const NameWaiters::Waiter& overdue) {
          parts_.channel->dismiss(overdue.rank, overdue.call);
        }),
        look_again_(*parts_.channel, [this](RpcChannel::Clock::time_point) { look_for_awaited(); }) {}

  void look_up(const NameWords& asked, const Request& request, ReplyTo reply_to);
  /// As look_up, but replies as soon as the name is bound.
  void await(const AwaitWords& asked, const Request& request, ReplyTo reply_to);
  void bind(const BindWords& asked, const Request& request, ReplyTo reply_to);
  void unbind(const UnbindWords& asked, const Request& request, ReplyTo reply_to);
  void generation(const std::uint64_t& hash, const Request& request, ReplyTo reply_to);
  void list(const NameWords& asked, const Request& request, ReplyTo reply_to);

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
  [[nodiscard]] Result<Sealed> refer(const BindWords& asked, std::string_view name,
                                     std::span<const std::byte> block, const SealOptions& options);
  [[nodiscard]] Result<Sealed> take(const BindWords& asked, std::string_view name,
                                    std::span<const std::byte> block, const SealOptions& options);
  void tell_bound(ReplyTo reply_to, std::uint64_t generation, const std::optional<Key>& taken) const;
  [[nodiscard]] Task<std::monostate> finish_bind(ReplyTo reply_to, Bound bound, std::optional<Key> taken);
  [[nodiscard]] Task<std::monostate> finish_unbind(ReplyTo reply_to, NameChanges::Unbound unbound);
  void answer_with(const Pin& pin, bool value_wanted, std::uint32_t most_bytes, ReplyTo reply_to);
  [[nodiscard]] bool serve(const NameWaiters::Waiter& waiter) noexcept;
  [[nodiscard]] bool is_node_peers_wait(const Request& request, const std::optional<Key>& promised) const;
  void await_for_node_peer(const Key& promised, const AwaitWords& asked, ReplyTo node_peer);
  void take_back(int rank, std::uint32_t store, std::string_view name) noexcept;

  const ServiceParts& parts_;
  const std::shared_ptr<NameWatcher> watcher_;
  NameWaiters awaited_;
  Alarm look_again_;  ///< without a notification: the maker of a promise may have died
};

}  // namespace locum
