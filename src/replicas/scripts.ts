/** Lua scripts. Redis runs each one atomically. */
export type Scripts = ReturnType<typeof makeScripts>;

/**
 * Makes the scripts for the key names of `keys.ts`. They derive key names from data, so they do not run on Redis Cluster.
 */
export const makeScripts = (prefix: string) => {
  const common = `
    local P = '${prefix}'
    local known = {}
    local function alive(id)
      local replica = string.sub(id, 1, 13)
      if known[replica] == nil then
        known[replica] = redis.call('EXISTS', P .. 'replica:' .. replica) == 1
      end
      return known[replica]
    end
    local function waiting_of(address)
      local living = {}
      for _, member in ipairs(redis.call('ZRANGE', P .. 'waiting:' .. address, 0, -1)) do
        if alive(member) then living[#living + 1] = member end
      end
      return living
    end
    local function to_inbox(replica, message)
      redis.call('PUBLISH', P .. 'inbox:' .. replica, message)
    end
  `;
  const scripts = {
    /** (id, ttl, former id or '') → nothing. Registers a replica and removes its former id. */
    arrive: `
      if ARGV[3] ~= '' then redis.call('DEL', P .. 'replica:' .. ARGV[3]) end
      redis.call('SET', P .. 'replica:' .. ARGV[1], '1', 'PX', ARGV[2])
      redis.call('SADD', P .. 'replicas', ARGV[1])
      return 'OK'
    `,

    /** (id, ttl) → the number of live replicas and the ids of dead ones; -1 if this replica's presence has expired. */
    beat: `
      if redis.call('PEXPIRE', P .. 'replica:' .. ARGV[1], ARGV[2]) == 0 then return { -1 } end
      local answer = { 0 }
      for _, id in ipairs(redis.call('SMEMBERS', P .. 'replicas')) do
        if alive(id) then answer[1] = answer[1] + 1 else answer[#answer + 1] = id end
      end
      return answer
    `,

    /** (id) → nothing. Call after the dead replica's sockets have been removed from all rooms. */
    forget: `
      if alive(ARGV[1]) then return 'ALIVE' end
      redis.call('DEL', P .. 'rooms-of:' .. ARGV[1])
      redis.call('SREM', P .. 'replicas', ARGV[1])
      return 'OK'
    `,

    /** (code, address or '') → the room's fields, its dead replicas, and the address's pending sockets (see `keys.ts`). */
    look: `
      local fields = redis.call('HGETALL', P .. 'room:' .. ARGV[1])
      local dead, named = {}, {}
      for i = 1, #fields, 2 do
        local field, id = fields[i], string.sub(fields[i + 1], 1, 13)
        if field ~= 'head' and field ~= 'v' and not named[id] then
          named[id] = true
          if not alive(id) then dead[#dead + 1] = id end
        end
      end
      return { fields, dead, ARGV[2] == '' and {} or waiting_of(ARGV[2]) }
    `,

    /**
     * (change, then pairs of replica and message) → 'OK': the room is changed and the messages are published; 'STALE': the
     * room has changed since it was read; 'LAPSED': the calling replica's presence has expired. See room-change.ts.
     */
    commit: `
      local change = cjson.decode(ARGV[1])
      if not alive(change.replica) then return 'LAPSED' end
      local room = P .. 'room:' .. change.code
      if (redis.call('HGET', room, 'v') or '') ~= change.version then return 'STALE' end
      if change.address and table.concat(waiting_of(change.address), '\\n') ~= change.waiting then return 'STALE' end
      if change.next then
        for field, value in pairs(change.set) do redis.call('HSET', room, field, value) end
        for _, field in ipairs(change.unset) do redis.call('HDEL', room, field) end
        redis.call('HSET', room, 'v', change.next)
      else
        redis.call('DEL', room)
      end
      if change.unattendedSince then
        redis.call('ZADD', P .. 'unattended', change.unattendedSince, change.code)
      else
        redis.call('ZREM', P .. 'unattended', change.code)
      end
      for _, id in ipairs(change.entered) do redis.call('SADD', P .. 'rooms-of:' .. id, change.code) end
      for _, id in ipairs(change.left) do redis.call('SREM', P .. 'rooms-of:' .. id, change.code) end
      for _, one in ipairs(change.waits) do
        redis.call('ZADD', P .. 'waiting:' .. one[1], one[3], one[2] .. ' ' .. change.code)
      end
      for _, one in ipairs(change.waitsNoMore) do
        redis.call('ZREM', P .. 'waiting:' .. one[1], one[2] .. ' ' .. change.code)
      end
      for i = 2, #ARGV, 2 do to_inbox(ARGV[i], ARGV[i + 1]) end
      return 'OK'
    `,

    /** (code, atem_id, connection id, frame) → nothing. Sends to the owner, if the socket is the atem's current one. */
    from_atem: `
      local room = P .. 'room:' .. ARGV[1]
      local current = redis.call('HGET', room, 'a:' .. ARGV[2])
      local owner = redis.call('HGET', room, 'owner')
      if current and owner and string.sub(current, 1, 36) == ARGV[3] then
        to_inbox(string.sub(owner, 1, 13), 's' .. string.sub(owner, 1, 36) .. ' ' .. ARGV[4])
      end
      return 'OK'
    `,

    /** (code, owner's connection id, atem_id, connection id, frame) → nothing. Sends to an atem's current socket. */
    to_atem: `
      local room = P .. 'room:' .. ARGV[1]
      local owner = redis.call('HGET', room, 'owner')
      local current = redis.call('HGET', room, 'a:' .. ARGV[3])
      if owner and current and string.sub(owner, 1, 36) == ARGV[2] and string.sub(current, 1, 36) == ARGV[4] then
        to_inbox(string.sub(current, 1, 13), 's' .. string.sub(current, 1, 36) .. ' ' .. ARGV[5])
      end
      return 'OK'
    `,

    /**
     * (code, owner's connection id, frame, most) → the number of atems. Sends to every atem, with one message per replica;
     * sends nothing if there are more than `most`.
     */
    to_atems: `
      local fields = redis.call('HGETALL', P .. 'room:' .. ARGV[1])
      local owner, replicas, ids, count = nil, {}, {}, 0
      for i = 1, #fields, 2 do
        local field, id = fields[i], string.sub(fields[i + 1], 1, 36)
        if field == 'owner' then
          owner = id
        elseif string.sub(field, 1, 2) == 'a:' then
          local replica = string.sub(id, 1, 13)
          if not ids[replica] then
            replicas[#replicas + 1] = replica
            ids[replica] = {}
          end
          table.insert(ids[replica], id)
          count = count + 1
        end
      end
      if owner ~= ARGV[2] then return 0 end
      if count > tonumber(ARGV[4]) then return count end
      for _, replica in ipairs(replicas) do
        to_inbox(replica, 's' .. table.concat(ids[replica], ',') .. ' ' .. ARGV[3])
      end
      return count
    `,

    /** (address, replica, its sockets, max) → 1 if all replicas together have at most max sockets, else 0. */
    take_place: `
      local key = P .. 'sockets:' .. ARGV[1]
      local fields = redis.call('HGETALL', key)
      local elsewhere = 0
      for i = 1, #fields, 2 do
        if not alive(fields[i]) then
          redis.call('HDEL', key, fields[i])
        elseif fields[i] ~= ARGV[2] then
          elsewhere = elsewhere + tonumber(fields[i + 1])
        end
      end
      if elsewhere + tonumber(ARGV[3]) > tonumber(ARGV[4]) then return 0 end
      redis.call('HSET', key, ARGV[2], ARGV[3])
      redis.call('EXPIRE', key, 604800)
      return 1
    `,

    /** (address, replica, its sockets) → nothing. Records the replica's count. */
    places_left: `
      local key = P .. 'sockets:' .. ARGV[1]
      if ARGV[3] == '0' then redis.call('HDEL', key, ARGV[2]) else redis.call('HSET', key, ARGV[2], ARGV[3]) end
      return 'OK'
    `,
  };
  return Object.fromEntries(
    Object.entries(scripts).map(([name, body]) => [name, common + body]),
  ) as typeof scripts;
};

export type ScriptName = keyof Scripts;
