#include "transport/storage/files/once.hpp"

#include <chrono>
#include <cstring>
#include <optional>
#include <span>

#include "core/async/completion_counter.hpp"
#include "core/detail/session_state.hpp"
#include "core/ports/connector.hpp"
#include "core/promise.hpp"
#include "core/proxy.hpp"
#include "core/value/errors.hpp"

namespace locum::storage {

// A rank that has read the claim, and begins to wait for its promise when that is set and gone, waits until
// it looks again: 200 ms. So the promise lasts for longer than that takes.
OnceANode::OnceANode(Session session, Store store)
    : session_(std::move(session)),
      store_(std::move(store)),
      told_(store_.collection("told", {.lifetime = std::chrono::seconds(1)}).value()) {}

std::string OnceANode::near(std::string text) const {
  return session_.state()->connector().name_near(static_cast<std::uint32_t>(session_.options().rank),
                                                 store_.number(), std::move(text));
}

// The claim is a record with the handle of a promise of its maker, which ends in any case: set when the
// object is there, broken if its maker fails, lost if that dies. Who claims looks for the object once more,
// since another one may have put it, and removed its claim, after the first look.
/// The processors of a thread that waits, as a record that who makes the object finds under a number.
class OnceANode::Loan {
 public:
  Loan(const OnceANode& once, const std::string& stem) : store_(once.store_) {
    const auto own = processors_of_this_thread();
    for (std::size_t number = 0; own && number < most_loans; ++number) {
      const auto lent = store_.put(once.near(name_of(stem, number)), std::as_bytes(std::span(&*own, 1)),
                                   {.lifetime = longest_loan});
      if (lent || lent.error().code() != Errc::key_exists) {
        key_ = lent ? *lent : Key();
        break;
      }
    }
  }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  ~Loan() {
    if (key_.valid()) {
      (void)store_.evict(key_);
    }
  }

  [[nodiscard]] static std::string name_of(const std::string& stem, std::size_t number) {
    return "lent/" + std::to_string(number) + '/' + stem;
  }
  [[nodiscard]] static std::optional<Processors> find(const Store& store, const std::string& name) {
    const auto lent = store.get<std::byte[]>(name);
    Processors processors;
    if (!lent || lent->size() != sizeof processors) {
      return std::nullopt;
    }
    std::memcpy(&processors, lent->data(), sizeof processors);
    return processors;
  }

 private:
  static constexpr std::size_t most_loans = 64;            ///< more threads than call_concurrently() starts
  static constexpr std::chrono::minutes longest_loan{10};  ///< of a rank that dies meanwhile

  const Store& store_;
  Key key_;
};

Result<RawView> OnceANode::get(const std::string& stem, const Make& make, Deadline deadline) const {
  const std::string name = near(stem);
  const std::string claim = near("claim/" + stem);
  const RawStore raw(store_);
  const auto lent = [&](std::size_t number) { return Loan::find(store_, near(Loan::name_of(stem, number))); };
  const auto until =
      deadline.moment(session_.options().options.timeout, session_.state()->completions()->now());
  for (;;) {
    auto there = raw.get(name);
    if (there || there.error().code() != Errc::not_found) {
      return there;
    }
    auto promise = told_.promise<std::uint8_t>();
    if (!promise) {
      return promise.error();
    }
    const auto claimed = store_.put(claim, promise->proxy().handle());
    if (!claimed && claimed.error().code() != Errc::key_exists) {
      return claimed.error();
    }
    if (!claimed) {
      if (auto waited = await(stem, claim, deadline); !waited) {
        return waited.error();
      }
      // Others may fail one after the other, and each time another one claims before this rank.
      if (session_.state()->completions()->now() >= until) {
        return deadline_passed("other ranks of the node have tried to load this file, and failed");
      }
      continue;
    }
    there = raw.get(name);
    auto made = there ? Result<void>() : make(name, lent);
    if (made && !there) {
      there = raw.get(name);
    }
    const Key told = promise->proxy().key();
    const bool tells = made && promise->set(std::uint8_t{1});
    (void)store_.evict(*claimed);
    if (!tells) {
      promise = Promise<std::uint8_t>();  // of a failure the others learn here
      (void)store_.evict(told);
    }
    // What nobody views yet may be evicted at once, to make room for another file.
    if (made && !there && there.error().code() == Errc::not_found &&
        session_.state()->completions()->now() < until) {
      continue;
    }
    return made ? std::move(there) : made.error();
  }
}

Result<void> OnceANode::await(const std::string& stem, const std::string& claim, Deadline deadline) const {
  const auto handle = store_.get<Handle>(claim);
  if (!handle) {
    return handle.error().code() == Errc::not_found ? Result<void>() : Result<void>(handle.error());
  }
  const Loan loan(*this, stem);
  const auto ended = session_.proxy<std::uint8_t>(**handle).get(deadline);
  if (!ended && ended.error().code() == Errc::timeout) {
    return deadline_passed("rank " + std::to_string((*handle)->key.creator) +
                           " is still loading this file for the node");
  }
  if (!ended && (ended.error().code() == Errc::peer_lost || ended.error().code() == Errc::broken_promise)) {
    (void)store_.evict(handle->key());
  }
  return {};
}

}  // namespace locum::storage
