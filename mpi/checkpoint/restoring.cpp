#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/hash.hpp"
#include "core/detail/promises.hpp"
#include "core/detail/restored_handles.hpp"
#include "core/detail/session_state.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/lazy/file_records.hpp"
#include "core/node/promised.hpp"
#include "core/ports/checkpoint_files.hpp"
#include "core/ports/connector.hpp"
#include "core/store.hpp"
#include "mpi/checkpoint/protocol.hpp"
#include "mpi/checkpoint/sharing.hpp"
#include "mpi/error.hpp"

namespace locum {

namespace {

using mpi::error_of;
using mpi::throw_if;

// An object that is no larger takes less memory than a record of where it is.
constexpr std::uint64_t read_at_once = 512;

/// What one rank has done, and found damaged.
struct Done {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;
  std::uint64_t text_bytes = 0;
};

class Restoring {
 public:
  Restoring(const CheckpointJob& job, const RestoreOptions& options) : job_(job), options_(options) {}

  void open() { checkpoint_ = job_.files.open(job_.file); }

  // Collective.
  void take_share() { share_ = share_objects(job_, *checkpoint_, options_, left_out_); }

  void open_store() {
    auto opened = job_.session.open(job_.store, contents().store_options);
    if (!opened && opened.error().code() == Errc::options_differ) {
      opened = job_.session.open(job_.store);
    }
    store_ = opened.value().number();
    checksum_ = opened.value().options().checksum;
    lifetime_ms_ = static_cast<std::uint64_t>(opened.value().options().lifetime.count());
  }

  // This rank's share.
  void restore() {
    for (RestoreShare::Part& part : share_.parts) {
      for (const std::size_t object : part.objects) {
        const ObjectFacts facts = part.reader->facts(object);
        if (options_.lazy && facts.size_bytes > read_at_once) {
          restore_later(*part.reader, object, facts);
        } else {
          restore(*part.reader, object, facts);
        }
      }
    }
  }

  void take_back() noexcept {
    for (const Key& key : made_) {
      (void)job_.session.state()->connector().evict(Address(key), {});
    }
    made_.clear();
  }

  // From now on handles of the stores that the objects were in are good here.
  void take_handles() {
    if (options_.lazy) {
      detail::SessionState& session = *job_.session.state();
      session.files().restored_lazily(session, store_, contents().parts_folder);
    }
    if (options_.keep_handles) {
      for (const OriginRow& origin : contents().origins) {
        job_.session.state()->restored(origin.incarnation, static_cast<std::uint32_t>(origin.store), store_,
                                       static_cast<std::uint32_t>(job_.group.size()));
      }
    }
  }

  [[nodiscard]] CheckpointReport report() {
    mpi::CommunicatorGroup& group = job_.group;
    std::string texts;
    for (const std::string& text : left_out_.texts) {
      texts.append(text).push_back('\n');
    }
    done_.damaged = left_out_.objects;
    done_.text_bytes = texts.size();
    const auto bytes = group.all_gather(std::as_bytes(std::span(&done_, 1)));
    std::vector<Done> all(static_cast<std::size_t>(group.size()));
    std::memcpy(all.data(), bytes.data(), bytes.size());
    CheckpointReport report;
    report.files = contents().parts.size();
    report.path = job_.path;
    report.number = job_.files.number_of(job_.path, {});
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      report.objects += all[rank].objects;
      report.bytes += all[rank].bytes;
      report.damaged_objects += all[rank].damaged;
      if (all[rank].text_bytes > 0 && report.damaged.size() < LeftOut::most_listed) {
        const auto own = std::as_bytes(std::span(texts));
        add_lines(report.damaged, group.broadcast({own.begin(), own.end()}, static_cast<int>(rank),
                                                  "listing damaged objects"));
      }
    }
    return report;
  }

 private:
  [[nodiscard]] const CheckpointContents& contents() const noexcept { return checkpoint_->contents(); }
  // A disk that cannot be read is `system`, and has other objects that it can.
  [[nodiscard]] static bool is_loss(const Error& error) {
    return error.code() == Errc::corrupt || error.code() == Errc::not_found || error.code() == Errc::system;
  }
  [[nodiscard]] static Error explained(const Error& error, const ObjectFacts& facts) {
    if (facts.name.empty()) {
      return error.about(to_string(facts.key));
    }
    if (error.code() == Errc::key_exists) {
      return Error(Errc::key_exists,
                   "the store has an object of this name already; restore into a store without it, or drop "
                   "that one first")
          .about(facts.name);
    }
    return error.about(facts.name);
  }
  void lost_or_throw(const Error& error, const ObjectFacts& facts) {
    if (!options_.skip_damaged || !is_loss(error)) {
      throw explained(error, facts);
    }
    left_out_.add(explained(error, facts).what(), 1);
  }

  void restore(PartReading& part, std::size_t object, const ObjectFacts& facts) {
    const ObjectMeta meta = meta_of(facts);
    Connector& connector = job_.session.state()->connector();
    auto draft = connector.create(facts.size_bytes, meta, job_.until);
    if (!draft) {
      throw explained(draft.error(), facts);
    }
    try {
      part.read(object, draft->bytes);
    } catch (const Error& error) {
      connector.discard(*draft);
      if (options_.lazy && !options_.skip_damaged && is_loss(error)) {
        return restore_later(part, object, facts);  // who uses it learns of the damage
      }
      return lost_or_throw(error, facts);
    }
    const auto sealed = connector.seal(*draft, {}, job_.until);
    if (!sealed) {
      throw explained(sealed.error(), facts);
    }
    made_.push_back(sealed->key);
    ++done_.objects;
    done_.bytes += facts.size_bytes;
    if (options_.keep_handles) {
      const PromiseRecord kept{.state = PromiseRecord::State::kept,
                               .value = sealed->key,
                               .size_bytes = facts.size_bytes,
                               .name_hash = meta.name.empty() ? 0 : name_hash(store_, meta.name)};
      const std::uint64_t identity = identity_of(contents(), facts.key);
      lead(identity, kept);
      lead_others(identity, kept);
    }
  }

  // Its bytes are read by who uses it first. A record of where they are stands for it: of the promise with
  // the identity that its handles have.
  void restore_later(const PartReading& part, std::size_t object, const ObjectFacts& facts) {
    const std::uint64_t identity = identity_of(contents(), facts.key);
    const Key promised = promised_of(identity);
    FilePart later;
    try {
      later = part.file_part(object, options_.skip_damaged);  // else all files were looked for before
    } catch (const Error& error) {
      lost_or_throw(error, facts);
      return;
    }
    later.name = facts.name;
    later.with_checksum = checksum_ ? 1 : 0;
    if (const auto put = detail::put_restored_part(*job_.session.state(), promised, later, job_.until, made_);
        !put) {
      throw explained(put.error(), facts);
    }
    ++done_.objects;
    done_.bytes += facts.size_bytes;
    if (options_.keep_handles) {
      lead_others(identity, {.state = PromiseRecord::State::same_as, .value = promised});
    }
  }

  [[nodiscard]] Key promised_of(std::uint64_t identity) const {
    return detail::restored_key(store_, identity, static_cast<std::uint32_t>(job_.group.size()));
  }

  [[nodiscard]] ObjectMeta meta_of(const ObjectFacts& facts) const {
    ObjectMeta meta;
    meta.store = store_;
    meta.element_bytes = facts.element_bytes;
    // As far as the size of an element allows.
    const std::uint32_t allowed = facts.element_bytes & (~facts.element_bytes + 1);
    meta.alignment = std::clamp<std::uint32_t>(allowed, 16, detail::largest_alignment);
    meta.type_name = facts.type_name;
    meta.type_hash = facts.type_hash;
    meta.name = facts.name;
    meta.layout = facts.layout;
    meta.extents = facts.extents;
    meta.checksum = checksum_;
    meta.lifetime_ms = lifetime_ms_;
    return meta;
  }

  // Binds a promise that leads to the object: the handles with this identity stand for it.
  void lead(std::uint64_t identity, const PromiseRecord& record) {
    detail::SessionState& session = *job_.session.state();
    const Sealed sealed =
        detail::put_promise_record(session, store_, session.connector().name_of(promised_of(identity)),
                                   record, {.mode = SealMode::replace}, job_.until)
            .value();
    if (record.state == PromiseRecord::State::kept) {
      session.promises().left_kept(sealed.key, record.value);
    }
    made_.push_back(sealed.key);
  }
  // The same of the other identities of an object.
  void lead_others(std::uint64_t identity, const PromiseRecord& record) {
    if (const auto others = share_.handles.find(identity); others != share_.handles.end()) {
      for (const std::uint64_t other : others->second) {
        lead(other, record);
      }
    }
  }

  static void add_lines(std::vector<std::string>& lines, const std::vector<std::byte>& text) {
    std::string_view rest(reinterpret_cast<const char*>(text.data()), text.size());
    while (!rest.empty() && lines.size() < LeftOut::most_listed) {
      const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
      lines.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
  }

  const CheckpointJob& job_;
  const RestoreOptions& options_;
  std::unique_ptr<CheckpointReading> checkpoint_;
  RestoreShare share_;
  std::uint32_t store_ = 0;
  bool checksum_ = false;
  std::uint64_t lifetime_ms_ = 0;
  std::vector<Key> made_;
  Done done_;
  LeftOut left_out_;
};

}  // namespace

CheckpointReport read_checkpoint(const CheckpointJob& job, const RestoreOptions& options) {
  const std::string step = "restore of \"" + std::string(job.store) + "\" from '" + job.path + "'";
  Restoring restoring(job, options);
  throw_if(job.group.agree(error_of([&] { restoring.open(); }), step, job.until));
  restoring.take_share();
  throw_if(job.group.agree(error_of([&] { restoring.open_store(); }), step, job.until));
  const auto error = job.group.agree(error_of([&] { restoring.restore(); }), step, job.until);
  if (error) {
    restoring.take_back();
    throw_if(job.group.agree(std::nullopt, step, job.until));
    throw *error;
  }
  restoring.take_handles();
  return restoring.report();
}

}  // namespace locum
