-- Keeps together what a line must not divide: numbers with their units, relations and labels, limits of an interval,
-- "et al.", and words that begin or end with a letter or number behind a hyphen (p-value, 27-type, Pythia-1.4B).
local HARD = "\u{a0}"
local relations = { ["="] = true, ["<"] = true, [">"] = true, ["≤"] = true, ["≥"] = true, ["≈"] = true, ["×"] = true,
  ["−"] = true, ["→"] = true }
local labels = { Figure = true, Figures = true, Table = true, Tables = true, step = true, steps = true, layer = true,
  head = true, et = true }

local function bare(text)
  return (text:gsub("^[(%[]+", ""))
end

local function numeric(text)
  text = bare(text)
  return text:match("^[+%d.]") ~= nil or text:match("^−[%d.]") ~= nil
end

local function joined(before, after)
  if relations[bare(before)] or relations[after] then return true end
  if labels[bare(before)] and (after:match("^S?%d") or after:match("^al%.")) then return true end
  if numeric(before) and after == "/" then return true end
  if before == "/" and numeric(after) then return true end
  if numeric(before) and after == "to" then return "to" end
  if before:match("^%[.*,$") and numeric(after) then return true end
  return false
end

local function inlines(list)
  for place = 2, #list - 1 do
    local before, space, after = list[place - 1], list[place], list[place + 1]
    if (space.t == "Space" or space.t == "SoftBreak") and before.t == "Str" and after.t == "Str" then
      local found = joined(before.text, after.text)
      local second = list[place + 3]
      if found == "to" then  -- an interval in words: both spaces or none
        found = second and second.t == "Str" and numeric(second.text)
        if found then list[place + 2] = pandoc.Str(HARD) end
      end
      if found then list[place] = pandoc.Str(HARD) end
    end
  end
  return list
end

local function hyphenated(text)
  for part in text:gmatch("[^-]+") do
    local letters = part:gsub("[%p]", "")
    if utf8.len(letters) <= 2 or letters:match("^%d") then return text:find("%w%-%w") ~= nil end
  end
  return false
end

return {
  { Inlines = inlines },
  {
    traverse = "topdown",
    Link = function(link) return link, false end,
    Str = function(one)
      if FORMAT == "typst" and hyphenated(one.text) then
        local text = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ one }) }), "typst"):gsub("%s+$", "")
        return pandoc.RawInline("typst", "#box[" .. text .. "]")
      end
    end,
  },
}
