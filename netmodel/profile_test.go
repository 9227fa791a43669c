package netmodel

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func anyProfile() *rapid.Generator[Profile] {
	return rapid.Custom(func(t *rapid.T) Profile {
		ppm := rapid.OneOf(rapid.SampledFrom([]uint32{0, uint32(Always)}), rapid.Uint32Range(0, uint32(Always)))
		return Profile{
			Drop:      PPM(ppm.Draw(t, "drop")),
			Duplicate: PPM(ppm.Draw(t, "duplicate")),
			Reorder:   PPM(ppm.Draw(t, "reorder")),
			Corrupt:   PPM(ppm.Draw(t, "corrupt")),
			Reset:     PPM(ppm.Draw(t, "reset")),
			Break:     PPM(ppm.Draw(t, "break")),
			Burst: Burst{
				Window: 1 + Duration(rapid.IntRange(0, 1000).Draw(t, "window")),
				Chance: PPM(ppm.Draw(t, "chance")),
				Drop:   PPM(ppm.Draw(t, "burst drop")),
			},
			Gap:   Duration(rapid.IntRange(0, 1000).Draw(t, "gap")),
			Delay: anyDelay().Draw(t, "delay"),
		}
	})
}

func TestProfileJSON(t *testing.T) {
	text, err := json.Marshal(Profile{Drop: 1, Reorder: 2, Delay: Delay{Min: Second}})
	require.NoError(t, err)
	require.JSONEq(t, `{"drop_ppm":1,"reorder_ppm":2,"delay":{"kind":"constant","min":"1s"}}`, string(text))

	rapid.Check(t, func(t *rapid.T) {
		want := anyProfile().Draw(t, "profile")
		text, err := json.Marshal(want)
		require.NoError(t, err)
		var got Profile
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, want, got)
		require.NoError(t, got.Validate())
	})
}

func TestProfileValidateNamesTheField(t *testing.T) {
	require.NoError(t, Profile{}.Validate())
	require.EqualError(t, Profile{Drop: Always + 1}.Validate(), "drop_ppm: 1000001 is above 1000000, which is always")
	require.ErrorContains(t, Profile{Duplicate: Always + 1}.Validate(), "duplicate_ppm: ")
	require.ErrorContains(t, Profile{Reorder: Always + 1}.Validate(), "reorder_ppm: ")
	require.EqualError(t, Profile{Delay: Delay{Min: -1}}.Validate(), "delay: min: -1ns is not in 0s to 1h0m0s")
}

func TestOverrideJSONAndValidate(t *testing.T) {
	o := Override{Delay: Millisecond, Duplicate: true, Copy: Second}
	text, err := json.Marshal(o)
	require.NoError(t, err)
	require.JSONEq(t, `{"fate":"deliver","delay":"1ms","duplicate":true,"copy":"1s"}`, string(text))
	var back Override
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, o, back)
	require.NoError(t, json.Unmarshal([]byte(`{"fate":"drop"}`), &back))
	require.ErrorContains(t, json.Unmarshal([]byte(`{"fate":"lose"}`), &back), `fate "lose": want one of deliver, drop`)

	require.NoError(t, o.Validate())
	require.NoError(t, Override{Fate: Drop}.Validate())
	require.NoError(t, Override{Fate: Drop, Delay: 1, Break: true}.Validate())
	for _, c := range []struct {
		o    Override
		want string
	}{
		{Override{Fate: 2}, "fate: 2 is unknown"},
		{Override{Fate: Drop, Delay: 1}, "fate: a dropped message"},
		{Override{Fate: Drop, Delay: 1, Break: true, Duplicate: true}, "fate: a dropped message"},
		{Override{Delay: -1}, "delay: "},
		{Override{Copy: 1}, "copy: 1ns without duplicate"},
		{Override{Delay: 2, Duplicate: true, Copy: 1}, "copy: 1ns is below delay, 2ns"},
		{Override{Duplicate: true, Copy: MaxDelay + 1}, "copy: "},
	} {
		require.ErrorContains(t, c.o.Validate(), c.want)
	}
}
