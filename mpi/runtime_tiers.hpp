#pragma once

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend_session.hpp"
#include "core/options.hpp"
#include "core/result.hpp"
#include "core/session.hpp"
#include "core/store.hpp"
#include "core/url.hpp"

namespace locum {

/// The stores of a runtime that are in its nodes' memory and in a backend.
class RuntimeTier {
 public:
  /// Whether a URL asks for one: by `nodes+` before that of the backend.
  [[nodiscard]] static bool is_meant(const Url& url) noexcept;
  /// \param own over the nodes' memory
  /// \param lost_mates dead ranks of this node; any thread calls it
  /// `invalid_argument`: the options of `nodes`, or its place; and the errors of locum::open_session().
  [[nodiscard]] static Result<RuntimeTier> open(const Session& own, Url url,
                                                const BackendSessionOptions& options,
                                                std::function<std::vector<int>()> lost_mates);

  /// Over both.
  [[nodiscard]] const Session& session() const noexcept { return session_; }
  [[nodiscard]] const Session& backend() const noexcept { return backend_; }
  [[nodiscard]] Result<Store> store(std::string_view name, StoreOptions options) const;
  void close() const noexcept;

 private:
  RuntimeTier(Session session, Session backend)
      : session_(std::move(session)), backend_(std::move(backend)) {}

  Session session_;
  Session backend_;
};

}  // namespace locum
