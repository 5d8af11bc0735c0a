#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include <locum/handle.hpp>
#include <locum/metrics.hpp>
#include <locum/options.hpp>
#include <locum/ports/backend.hpp>
#include <locum/report.hpp>
#include <locum/result.hpp>

namespace locum {

class CompletionCounter;
class Connector;
class RawProxy;
class Store;
template <class T>
class Proxy;
template <class T>
struct Decoding;
namespace detail {
class SessionState;
}

/// Identity of a session: one rank of one runtime.
struct SessionOptions {
  std::uint64_t incarnation = 0;  ///< the runtime's own number, which its handles carry. 0: a random one
  int rank = 0;                   ///< of this process in the runtime
  int node = 0;                   ///< of this process; a hint in its handles
  RuntimeOptions options{};
  /// How long a thread that waits for its node may look again before it sleeps: about as long as waking it
  /// takes. 0 where ranks share cores.
  std::chrono::microseconds spin{0};
  /// Abilities of the connector, with which StoreOptions::needs of a Runtime's stores are compared.
  BackendTraits traits{};
};

/// Stores over a connector of the program's own, in place of a Runtime: a class derived from Connector keeps
/// the bytes. `Session session(connector, std::make_shared<Metrics>());
/// auto fields = session.open("fields").value();`
///
/// A cheap value; its copies are the same session. Stores keep the session open when all copies are
/// destroyed; proxies do not, and return `closed` once it is destroyed. Nothing here is collective. Any
/// thread may call.
class Session {
 public:
  /// REQUIRES: `connector` and `metrics` are not null. `completions`: the counter on which threads wait, if
  /// the connector completes tasks itself; otherwise null.
  Session(std::shared_ptr<Connector> connector, std::shared_ptr<Metrics> metrics, SessionOptions options = {},
          std::shared_ptr<CompletionCounter> completions = {});
  /// Makes find_store() and proxy() find the session. Called once.
  void announce() const;

  /// Opens the store of that name with the options in force; creates it, with default options, if there is
  /// none. Over one node it sends nothing; over several it asks the home node of the name, and waits for the
  /// reply. `invalid_argument` for a bad name, `unsupported` when all store numbers are used up, or the store
  /// was opened with options that this version does not know, and the errors of get and put.
  [[nodiscard]] Result<Store> open(std::string_view name) const;
  /// Overload with options; `options_differ` if others are in force.
  [[nodiscard]] Result<Store> open(std::string_view name, const StoreOptions& options) const;
  /// Returns the number of an open store: `Key::store` of its objects. `not_found` if no rank opened it.
  [[nodiscard]] Result<std::uint32_t> number_of(std::string_view name) const;
  /// Evicts the objects that this process made or adopted in the store, and the store itself; returns the
  /// number of objects. The Store values of this process return `closed` from then on. If several ranks drop
  /// together, all must know the number before the first of them drops.
  [[nodiscard]] Result<std::uint64_t> drop(std::string_view name, std::uint32_t number) const;
  /// Overload for a process alone.
  [[nodiscard]] Result<std::uint64_t> drop(std::string_view name) const;

  /// Returns a proxy for the object that a handle, possibly of another rank, identifies. Transfers nothing;
  /// an error of the handle is the result of the first use.
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle) const;
  /// Overload for an object written by a codec: `proxy<Mesh>(handle, {.codec = my_codec})`.
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle, const Decoding<T>& by) const;

  /// Overload for an object whose type is known only at run time.
  [[nodiscard]] RawProxy raw_proxy(const Handle& handle) const;

  /// Returns this rank's memory, objects and traffic so far.
  [[nodiscard]] RankReport report() const;
  /// Returns the counters of this rank, live.
  [[nodiscard]] Metrics& metrics() const noexcept;
  [[nodiscard]] const SessionOptions& options() const noexcept;
  /// Breaks all promises that are not set. From then on every call returns `closed`; views stay valid. May be
  /// called repeatedly.
  void close() const noexcept;
  [[nodiscard]] bool closed() const noexcept;

  /// \cond library
  explicit Session(std::shared_ptr<detail::SessionState> state) noexcept : state_(std::move(state)) {}
  [[nodiscard]] const std::shared_ptr<detail::SessionState>& state() const noexcept { return state_; }
  /// Overload of open() for calls that have a deadline of their own.
  [[nodiscard]] Result<Store> open(std::string_view name, const StoreOptions& options,
                                   TimeLimit deadline) const;
  /// \endcond

 private:
  [[nodiscard]] Result<Store> open_with(std::string_view name, const StoreOptions* wanted,
                                        TimeLimit deadline) const;

  std::shared_ptr<detail::SessionState> state_;
};

}  // namespace locum
