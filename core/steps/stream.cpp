#include "core/steps/stream.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace locum::detail {

namespace {

constexpr std::string_view prefix = "locum.steps/";

}  // namespace

std::string Stream::store_of(std::string_view stream) {
  return std::string(prefix).append(stream);
}

std::string_view Stream::title() const noexcept {
  return std::string_view(store().name()).substr(prefix.size());
}

Stream::Moment Stream::patience(const SessionState& session, Deadline deadline) {
  return deadline.moment(session.options().options.collective_timeout, session.completions()->now());
}

void Stream::fail(const StreamFailure& failure) const {
  (void)put(this->failure(), failure, moment({}));
}

StreamFailure Stream::failed() const {
  const auto said = store().get<StreamFailure>(failure());
  return said ? **said : StreamFailure{};
}

Error Stream::failed(int lost_rank) const {
  const StreamFailure said = failed();
  const auto otherwise = lost_rank < 0 ? StreamFailure::Cause::untold : StreamFailure::Cause::lost;
  return (said.has_failed() ? said : StreamFailure{.cause = otherwise, .rank = lost_rank}).error(title());
}

void Stream::retire() const {
  const auto named = store().get<StreamRecord>(name);
  if (named && (*named)->number == record_.number) {
    (void)store().evict(named->key());
  }
}

std::string Stream::named(std::string_view kind, std::uint64_t number) const {
  std::string stem(kind);
  append_number(stem, number);
  append_number(stem += '/', record_.number);
  return near(std::move(stem));
}

std::string Stream::named(std::string_view kind, std::uint64_t number, std::uint64_t part) const {
  std::string stem(kind);
  append_number(stem, number);
  append_number(stem += '/', part);
  append_number(stem += '/', record_.number);
  return near(std::move(stem));
}

std::string Stream::named(std::string_view kind, std::uint64_t number, const Handle& rank) const {
  std::string stem(kind);
  append_number(stem, number);
  append_number(stem += '/', rank.key.creator);
  append_number(stem += '.', rank.key.serial);
  append_number(stem += '/', record_.number);
  return near(std::move(stem));
}

void Stream::clean_if_left(bool writer_is_gone) const noexcept {
  try {
    const auto stream = store().get<StreamRecord>(name);
    const bool may_be_joined =
        stream ? (*stream)->number == record_.number : stream.error().code() != Errc::not_found;
    const bool was_closed = has(closed());
    if (may_be_joined && ((!writer_is_gone && !was_closed) || !has(joined(0)))) {
      return;
    }
    for (std::uint64_t index = 1; index < record_.writers; ++index) {
      if (has(writer(index))) {
        return;
      }
    }
    for (std::uint64_t place = 0; has(joined(place)); ++place) {
      const auto side = store().get<SideRecord>(joined(place));
      const bool has_left =
          side && std::ranges::all_of((*side)->ranks, [this](const Handle& one) { return has(left(one)); });
      if (!has_left && has(joined(place))) {
        return;
      }
    }
    std::string suffix("/");
    append_number(suffix, record_.number);
    if (auto names = store().keys()) {
      std::erase_if(*names, [&](const std::string& one) {
        return !std::string_view(one).substr(0, one.rfind('~')).ends_with(suffix);
      });
      std::vector<Key> blocks;
      for (const std::string& one : *names) {
        if (one.starts_with("step/") || one.starts_with("part/")) {
          if (const auto step = store().get<StepRecord>(one)) {
            for (const BlockRecord& block : (*step)->blocks) {
              blocks.push_back(block.key);
            }
          }
        }
      }
      // Those of joining go first: who misses that a rank has left finds that it has not joined, either.
      const auto others =
          std::ranges::partition(*names, [](const std::string& one) { return one.starts_with("joined/"); });
      (void)store().evict_batch(std::span(names->begin(), others.begin()));
      (void)store().evict_batch(blocks);
      (void)store().evict_batch(*names);
      if (!was_closed) {  // else the writer removes it itself
        (void)store().evict(record_.writer.key);
      }
      retire();
    }
  } catch (...) {  // no memory: they stay until the runtime is closed
  }
}

}  // namespace locum::detail
