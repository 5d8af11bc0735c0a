#include <algorithm>
#include <utility>

#include "transport/storage/wrappers/two_backends.hpp"
#include "transport/storage/wrappers/wrapper.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

BackendTraits traits_with_fallback(const Backend& first, const Backend& second) {
  BackendTraits traits = names_of_both(first.traits(), second.traits());
  traits.lists = traits.lists && second.traits().lists;
  traits.loads_ends = traits.loads_ends && second.traits().loads_ends;
  traits.in_place = traits.in_place && second.traits().in_place;
  if (traits.default_name.empty()) {
    traits.default_name = second.traits().default_name;
  }
  return traits;
}

class Fallback final : public Wrapper {
 public:
  Fallback(std::shared_ptr<Backend> first, std::shared_ptr<Backend> second, const BackendTraits& traits)
      : Wrapper(std::move(first), traits), second_(std::move(second)) {}

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    return or_second(inner().load(key, last_bytes, share_of_first(deadline)), key, last_bytes, deadline);
  }
  // What one of them has is there: a list that leaves out names says so by an error.
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    if (!traits().lists) {
      return Error(Errc::unsupported,
                   "fallback: one of the two backends cannot list its records; keep their names yourself");
    }
    auto first = inner().list(space, prefix, share_of_first(deadline));
    if (!first && !is_out_of_reach(first.error())) {
      return first;
    }
    auto second = second_->list(space, prefix, deadline);
    if (!first || !second) {
      return second;
    }
    first->insert(first->end(), second->begin(), second->end());
    std::ranges::sort(*first);
    const auto repeated = std::ranges::unique(*first);
    first->erase(repeated.begin(), repeated.end());
    return first;
  }

 private:
  static bool is_out_of_reach(const Error& error) noexcept {
    return error.code() == Errc::peer_lost || error.code() == Errc::timeout;
  }
  // The other half is for the second one, if the first does not answer.
  static Deadline share_of_first(Deadline deadline) {
    const auto now = Deadline::Clock::now();
    return now + (deadline.moment(std::chrono::seconds(0), now) - now) / 2;
  }
  Result<LoadedRecord> or_second(Result<LoadedRecord> first, const RecordKey& key, std::uint64_t last_bytes,
                                 Deadline deadline) {
    if (first || (first.error().code() != Errc::not_found && !is_out_of_reach(first.error()))) {
      return first;
    }
    auto second = second_->load(key, last_bytes, deadline);
    // The first may have what the second does not.
    return !second && second.error().code() == Errc::not_found ? std::move(first) : std::move(second);
  }
  void load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                std::span<Result<LoadedRecord>> loaded, Deadline deadline) override {
    inner().batches()->load(keys, last_bytes, loaded, share_of_first(deadline));
    for (std::size_t at = 0; at < keys.size(); ++at) {
      loaded[at] = or_second(std::move(loaded[at]), keys[at], last_bytes, deadline);
    }
  }

  const std::shared_ptr<Backend> second_;
};

}  // namespace

std::shared_ptr<Backend> with_fallback(std::shared_ptr<Backend> first, std::shared_ptr<Backend> second) {
  const BackendTraits traits = traits_with_fallback(*first, *second);
  return std::make_shared<Fallback>(std::move(first), std::move(second), traits);
}

}  // namespace locum::storage
