#include "core/steps/stream.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/steps/enclosed_blocks.hpp"
#include "core/steps/presence.hpp"
#include "core/steps/stream_failure.hpp"

namespace locum::detail {

Stream::Stream(Store store, std::shared_ptr<SessionState> session, const StreamRecord& record,
               std::string_view title)
    : Records(std::move(store), std::move(session), record.writer.key.creator, record.writer.owner_node),
      record_(record),
      title_(title) {
  append_number(prefix_, record.writer.key.creator);
  append_number(prefix_ += '.', record.writer.key.serial);
  prefix_ += '/';
}

// What is decoded is used once, and would stay behind streams that are over. Records that are put from
// another node are read and removed where their names have their home.
Result<Store> Stream::open_store(const Session& session, Deadline deadline) {
  auto store = session.open("locum.steps", {.keep_decoded = false}, deadline);
  if (store) {
    store->open_->at_home = true;
    store->open_->most_along = bytes_with_a_step(session.state()->options().options.inline_bytes);
  }
  return store;
}

std::string Stream::name(std::string_view title) {
  return std::string("stream/").append(title);
}

std::vector<std::string> Stream::open_titles(const Store& store, Deadline deadline) {
  auto names = store.keys(name({}), {.deadline = deadline});
  if (!names) {
    return {};
  }
  for (std::string& one : *names) {
    one.erase(0, name({}).size());
  }
  return std::move(*names);
}

std::string Stream::first(std::string_view title, std::uint64_t side) {
  std::string name("first/");
  append_number(name, side);
  return (name += '/').append(title);
}

Stream::Moment Stream::patience(const SessionState& session, Deadline deadline) {
  return deadline.moment(session.options().options.collective_timeout, session.completions()->now());
}

Result<PublishedRecord> Stream::progress(Deadline deadline) const {
  const auto told = store().get<PublishedRecord>(published(), {.codec = {}, .deadline = deadline});
  if (told) {
    return **told;
  }
  return told.error().code() == Errc::not_found ? Result<PublishedRecord>(PublishedRecord{})
                                                : Result<PublishedRecord>(told.error());
}

void Stream::evict_blocks(const StepRecord& step) const {
  std::vector<Key> keys;
  keys.reserve(step.blocks.size());
  for (const BlockRecord& block : step.blocks) {
    keys.push_back(block.key);
  }
  (void)store().evict_batch(keys, {.deadline = std::min(moment_elsewhere(), now() + behind / 2)});
}

Error Stream::about(const Error& error) const {
  const bool is_of_record =
      error.rank() == session().options().rank && error.key() != error.about(title_).key();
  if (is_of_record && error.code() == Errc::timeout && !is_home()) {
    return StreamFailure{.cause = StreamFailure::Cause::no_answer, .rank = home_rank()}.error(title_);
  }
  return error.about(title_, is_of_record && error.code() == Errc::peer_lost ? home_rank() : error.rank());
}

void Stream::fail(const StreamFailure& failure) const {
  (void)put(this->failure(), failure, moment_of_record());
}

StreamFailure Stream::failed() const {
  const auto said = get<StreamFailure>(failure());
  return said ? **said : StreamFailure{};
}

Error Stream::failed(int lost_rank) const {
  const StreamFailure said = failed();
  const auto otherwise = lost_rank < 0 ? StreamFailure::Cause::untold : StreamFailure::Cause::lost;
  return (said.has_failed() ? said : StreamFailure{.cause = otherwise, .rank = lost_rank}).error(title());
}

Result<bool> Stream::is_over(Deadline deadline) const {
  const auto stream = store().get<StreamRecord>(name(title_), {.codec = {}, .deadline = deadline});
  if (!stream && stream.error().code() != Errc::not_found) {
    return stream.error();
  }
  return !stream || (*stream)->writer != record_.writer;
}

// A side that joins says so first, and looks for the name then: where it finds that the stream was retired
// meanwhile, by a reader that has seen the end, the writer still keeps the steps for it.
void Stream::retire() const {
  if (const auto over = is_over(moment_elsewhere()); over && *over) {
    return;
  }
  std::uint64_t sides = 0;
  while (has(joined(sides))) {
    ++sides;
  }
  (void)put(retired(), sides, moment_of_record());
  withdraw(name(title_));
}

Result<bool> Stream::has_joined_in_time(std::uint64_t place, Deadline deadline) const {
  const auto sides = store().get<std::uint64_t>(retired(), {.codec = {}, .deadline = deadline});
  if (!sides && sides.error().code() != Errc::not_found) {
    return sides.error();
  }
  return sides && place < **sides;
}

void Stream::withdraw(std::string_view announcement) const {
  const auto announced =
      store().get<StreamRecord>(announcement, {.codec = {}, .deadline = moment_elsewhere()});
  if (announced && (*announced)->writer == record_.writer) {
    (void)store().evict(announced->key(), {.deadline = moment_elsewhere()});
  }
}

std::string Stream::named(std::string_view kind) const {
  return near(prefix_ + std::string(kind));
}

std::string Stream::named(std::string_view kind, std::uint64_t number) const {
  std::string stem = prefix_;
  append_number(stem += kind, number);
  return near(std::move(stem));
}

std::string Stream::named(std::string_view kind, std::uint64_t number, std::uint64_t part) const {
  std::string stem = prefix_;
  append_number(stem += kind, number);
  append_number(stem += '/', part);
  return near(std::move(stem));
}

std::string Stream::named(std::string_view kind, std::uint64_t number, const Handle& rank) const {
  std::string stem = prefix_;
  append_number(stem += kind, number);
  append_number(stem += '/', rank.key.creator);
  append_number(stem += '.', rank.key.serial);
  return near(std::move(stem));
}

// A rank that has died has not said that it has left. The first writer says so for it, and needs the records
// until it has; where that writer is gone, too, the dead are looked for. Of ranks of this node that is known
// at once; about ranks of others the answer is not waited for, which would delay each rank that leaves while
// others still read.
bool Stream::have_all_left(bool first_writer_is_gone) const {
  // Of a node that is silent it is not known.
  const auto may_be_there = [this](const std::string& record) {
    const auto there = store().exists(record, {.deadline = moment_of_record()});
    return there ? *there : there.error().code() == Errc::timeout;
  };
  const auto is_here = [&](const Handle& one) {
    return !first_writer_is_gone || PresenceWatch(session(), one).is_here();
  };
  for (std::uint64_t index = 1; index < record_.writers; ++index) {
    const auto presence = get<Handle>(writer(index));
    if (presence ? is_here(**presence) : may_be_there(writer(index))) {
      return false;
    }
  }
  for (std::uint64_t place = 0; may_be_there(joined(place)); ++place) {
    const auto side = get<SideRecord>(joined(place));
    const bool has_left = side && std::ranges::all_of((*side)->ranks, [&](const Handle& one) {
                            return has(left(one)) || !is_here(one);
                          });
    if (!has_left && may_be_there(joined(place))) {
      return false;
    }
  }
  return true;
}

void Stream::clean_if_left(bool writer_is_gone) const noexcept {
  const auto over = is_over(moment_elsewhere());
  const bool may_be_joined = !over || !*over;
  const bool was_closed = has(closed());
  if (may_be_joined && ((!writer_is_gone && !was_closed) || !has(joined(0)))) {
    return;
  }
  const bool first_is_gone = writer_is_gone || was_closed;
  if (!have_all_left(first_is_gone)) {
    return;
  }
  // Who joins says so first, and looks for the name then: one of the two sees the other.
  retire();
  if (!have_all_left(first_is_gone)) {
    return;
  }
  if (auto names = store().keys(prefix_, {.deadline = moment_elsewhere()})) {
    const auto is_of = [this](const std::string& one, std::string_view kind) {
      return std::string_view(one).substr(prefix_.size()).starts_with(kind);
    };
    std::vector<Key> blocks;
    for (const std::string& one : *names) {
      if (is_of(one, "step/") || is_of(one, "part/")) {
        if (const auto step = get<StepRecord>(one)) {
          for (const BlockRecord& block : (*step)->blocks) {
            blocks.push_back(block.key);
          }
        }
      }
    }
    // Without this, nobody has joined in time any more: who joins from now on finds free places among those
    // of the sides that were counted.
    evict(retired());
    // Those of joining go next: who misses that a rank has left finds that it has not joined, either.
    const auto others =
        std::ranges::partition(*names, [&](const std::string& one) { return is_of(one, "joined/"); });
    const auto evict_all = [this](auto&& of) {
      (void)store().evict_batch(of, {.deadline = moment_elsewhere()});
    };
    evict_all(std::span(names->begin(), others.begin()));
    evict_all(blocks);
    evict_all(*names);
    if (!was_closed) {  // else the writer removes it itself
      (void)store().evict(record_.writer.key, {.deadline = moment_of_record()});
    }
    end_opening();
  }
}

}  // namespace locum::detail
