#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend_session.hpp"
#include "core/ports/backend.hpp"
#include "core/session.hpp"
#include "core/store.hpp"
#include "core/tier/tier.hpp"
#include "core/url.hpp"
#include "core/value/deadline.hpp"
#include "core/value/options.hpp"
#include "core/value/result.hpp"

namespace locum {

/// The stores of a runtime that are in its nodes' memory and in a backend.
class RuntimeTier {
 public:
  /// What it has to know of the job.
  struct Job {
    std::function<std::vector<int>()> lost_node_peers;  ///< dead ranks of this node; any thread calls it
    SharedBy ranks = SharedBy::process;                 ///< who has to reach the backend
    std::uint64_t window_bytes = 0;  ///< of objects that a rank may have in memory ahead of their use
    bool only_in_calls = false;      ///< no thread but the program's may use the links
  };

  /// Whether a URL asks for one: by `nodes+` before that of the backend.
  [[nodiscard]] static bool is_meant(const Url& url) noexcept;
  /// \param own over the nodes' memory
  /// \param options their needs are those of the store that is opened
  /// `invalid_argument`: the options of `nodes`, or its place; and the errors of locum::open_session().
  [[nodiscard]] static Result<RuntimeTier> open(const Session& own, Url url, BackendSessionOptions options,
                                                const Job& job);

  /// Over both.
  [[nodiscard]] const Session& session() const noexcept { return session_; }
  [[nodiscard]] const Session& backend() const noexcept { return backend_; }
  [[nodiscard]] Result<Store> store(std::string_view name, StoreOptions options) const;
  /// See Runtime::flush().
  [[nodiscard]] Result<void> flush(Deadline deadline) const { return tier_->flush(deadline); }
  /// For Runtime::report().
  [[nodiscard]] std::string describe() const { return tier_->describe(); }
  void close() const noexcept;

 private:
  RuntimeTier(std::shared_ptr<Tier> tier, Session session, Session backend,
              const BackendTraits& memory_traits)
      : tier_(std::move(tier)),
        session_(std::move(session)),
        backend_(std::move(backend)),
        memory_traits_(memory_traits) {}

  std::shared_ptr<Tier> tier_;
  Session session_;
  Session backend_;
  BackendTraits memory_traits_;
};

}  // namespace locum
