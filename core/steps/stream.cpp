#include "core/steps/stream.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace locum::detail {

namespace {

void append(std::string& text, std::uint64_t number) {
  std::array<char, 20> digits;
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

}  // namespace

std::string Stream::store_of(std::string_view stream) {
  return std::string("locum.steps/").append(stream);
}

Stream::Moment Stream::moment(Deadline deadline) const {
  return session_->completions()->moment(deadline);
}

Stream::Moment Stream::now() const {
  return session_->completions()->now();
}

std::string Stream::near(std::string stem) const {
  return session_->connector().name_near(record_.writer.key.creator, store_.number(), std::move(stem));
}

std::string Stream::named(std::string_view kind, std::uint64_t number) const {
  std::string stem(kind);
  append(stem, number);
  append(stem += '/', record_.number);
  return near(std::move(stem));
}

std::string Stream::named(std::string_view kind, std::uint64_t number, std::uint64_t part) const {
  std::string stem(kind);
  append(stem, number);
  append(stem += '/', part);
  append(stem += '/', record_.number);
  return near(std::move(stem));
}

std::string Stream::named(std::string_view kind, std::uint64_t number, const Handle& rank) const {
  std::string stem(kind);
  append(stem, number);
  append(stem += '/', rank.key.creator);
  append(stem += '.', rank.key.serial);
  append(stem += '/', record_.number);
  return near(std::move(stem));
}

void Stream::clean_if_left(bool writer_is_gone) const noexcept {
  try {
    const auto stream = store_.get<StreamRecord>(name);
    const bool is_live =
        stream ? (*stream)->number == record_.number : stream.error().code() != Errc::not_found;
    if (is_live && !writer_is_gone) {
      return;
    }
    for (std::uint64_t place = 0; has(joined(place)); ++place) {
      const auto side = store_.get<SideRecord>(joined(place));
      if (!side ||
          !std::ranges::all_of((*side)->ranks, [this](const Handle& one) { return has(left(one)); })) {
        return;
      }
    }
    std::string suffix("/");
    append(suffix, record_.number);
    if (auto names = store_.keys()) {
      std::erase_if(*names, [&](const std::string& one) {
        return !std::string_view(one).substr(0, one.rfind('~')).ends_with(suffix);
      });
      std::vector<Key> blocks;
      for (const std::string& one : *names) {
        if (one.starts_with("step/") || one.starts_with("part/")) {
          if (const auto step = store_.get<StepRecord>(one)) {
            for (const BlockRecord& block : (*step)->blocks) {
              blocks.push_back(block.key);
            }
          }
        }
      }
      (void)store_.evict_batch(blocks);
      (void)store_.evict_batch(*names);
      (void)store_.evict(record_.writer.key);
      if (is_live) {
        (void)store_.evict(name);
      }
    }
  } catch (...) {  // no memory: they stay until the runtime is closed
  }
}

bool Stream::has(std::string_view record) const {
  const auto there = store_.exists(record);
  return there && *there;
}

}  // namespace locum::detail
