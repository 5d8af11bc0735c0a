#include "core/steps/stream.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace locum::detail {

std::string Stream::store_of(std::string_view stream) {
  return std::string("locum.steps/").append(stream);
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
    const bool is_live =
        stream ? (*stream)->number == record_.number : stream.error().code() != Errc::not_found;
    if (is_live && !writer_is_gone) {
      return;
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
      (void)store().evict(record_.writer.key);
      if (is_live) {
        (void)store().evict(name);
      }
    }
  } catch (...) {  // no memory: they stay until the runtime is closed
  }
}

}  // namespace locum::detail
